// XMM and YMM registers in the XSAVE image, vector operands, and the checks before SSE and AVX instructions (SDM vol. 1, 10.2, 14.1 and 14.8;
// vol. 2, 2.4 for the exception classes). A legacy SSE instruction leaves bits above 127 alone, a VEX one clears what it does not write.
// Values travel as 32 bytes, a scalar in the lowest with zeros above. MMX registers are the low 64 bits of the x87 registers.
// Not done: EVEX forms (AVX-512), feature gating by CPUID.
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Iced.Intel;

namespace HvRunner.Instructions;

internal ref partial struct Execution<TMemory, THost>
{
    private readonly bool IsVex => _instruction.Encoding == EncodingKind.VEX;

    private static bool IsXmm(Register register) => register is >= Register.XMM0 and <= Register.XMM15;

    private static bool IsYmm(Register register) => register is >= Register.YMM0 and <= Register.YMM15;

    private static bool IsMmx(Register register) => register is >= Register.MM0 and <= Register.MM7;

    /// <summary>Bytes that a packed instruction works on: 8 (MMX), 16 or 32, by its widest register.</summary>
    private readonly int VectorLength
    {
        get
        {
            if (_instruction.Encoding == EncodingKind.Legacy)
            {
                return IsXmm(_instruction.Op0Register) || IsXmm(_instruction.Op1Register) ? 16 : 8;
            }

            var length = 16;
            for (var i = 0; i < Math.Min(_instruction.OpCount, 4); i++)
            {
                length = _instruction.GetOpKind(i) == OpKind.Register && IsYmm(_instruction.GetOpRegister(i)) ? 32 : length;
            }

            return length;
        }
    }

    /// <summary>An MMX register is always among the first two operands.</summary>
    private readonly bool TouchesMmx => IsMmx(_instruction.Op0Register) || IsMmx(_instruction.Op1Register);

    /// <summary>The checks before a vector instruction; records #UD, #NM or #MF.</summary>
    private bool TryBeginVector()
    {
        if (IsVex)
        {
            const ulong Both = XsaveLayout.Sse | XsaveLayout.Avx;
            if (!_isProtected || (_state.Cr4 & ControlBit.Cr4Osxsave) == 0)
            {
                UndefinedOpcode();
                return false;
            }

            Extended();
            if ((_state.Extended.Xcr0 & Both) != Both)
            {
                UndefinedOpcode();
                return false;
            }
        }
        else
        {
            var isMmx = TouchesMmx;
            var needsSse = !isMmx || IsXmm(_instruction.Op0Register) || IsXmm(_instruction.Op1Register);
            if ((_state.Cr0 & ControlBit.Cr0Em) != 0 || (needsSse && (_state.Cr4 & ControlBit.Cr4Osfxsr) == 0))
            {
                UndefinedOpcode();
                return false;
            }

            if (isMmx && (_state.Cr0 & ControlBit.Cr0Ts) == 0)
            {
                return !IsX87ErrorPending();
            }
        }

        if ((_state.Cr0 & ControlBit.Cr0Ts) != 0)
        {
            Raise(ExceptionVector.DeviceNotAvailable);
            return false;
        }

        return true;
    }

    private Vector256<byte> ReadVectorRegister(Register register)
    {
        var image = Extended();
        if (IsMmx(register))
        {
            var top = Top;
            var slot = (register - Register.MM0 - top) & 7;
            return Vector128.CreateScalar(MemoryMarshal.Read<ulong>(image[(XsaveLayout.X87Registers + (16 * slot))..])).AsByte().ToVector256();
        }

        var isWide = IsYmm(register);
        var index = register - (isWide ? Register.YMM0 : Register.XMM0);
        var low = Vector128.Create<byte>(image.Slice(XsaveLayout.XmmRegisters + (16 * index), 16));
        return isWide ? Vector256.Create(low, ReadUpper(index)) : low.ToVector256();
    }

    private Vector128<byte> ReadUpper(int index)
    {
        ref readonly var part = ref _features.Component(XsaveLayout.AvxComponent);
        return part.SizeBytes == 0 ? default : Vector128.Create<byte>(Extended().Slice(part.Offset + (16 * index), 16));
    }

    /// <summary>Writes a destination register: a legacy instruction merges into the register above 16 bytes, a VEX one clears it.</summary>
    private void WriteVectorRegister(Register register, Vector256<byte> value)
    {
        if (IsMmx(register))
        {
            WriteMmx(register - Register.MM0, value.AsUInt64().ToScalar());
            return;
        }

        var isWide = IsYmm(register);
        var index = register - (isWide ? Register.YMM0 : Register.XMM0);
        var image = ExtendedForWrite(XsaveLayout.Sse);
        value.GetLower().CopyTo(image.Slice(XsaveLayout.XmmRegisters + (16 * index), 16));
        if (IsVex)
        {
            WriteUpper(index, isWide ? value.GetUpper() : default);
        }
    }

    private void WriteUpper(int index, Vector128<byte> value)
    {
        ref readonly var part = ref _features.Component(XsaveLayout.AvxComponent);
        if (part.SizeBytes != 0 && ((XstateBv & XsaveLayout.Avx) != 0 || value != default))
        {
            value.CopyTo(ExtendedForWrite(XsaveLayout.Avx).Slice(part.Offset + (16 * index), 16));
        }

        // With AVX-512 enabled the register goes on to bit 511.
        ref readonly var above = ref _features.Component(6);
        if (above.SizeBytes != 0 && (XstateBv & (1UL << 6)) != 0)
        {
            ExtendedForWrite(1UL << 6).Slice(above.Offset + (32 * index), 32).Clear();
        }
    }

    /// <summary>An MMX write sets the register's exponent to all ones (SDM vol. 1, 9.6.2).</summary>
    private void WriteMmx(int index, ulong value)
    {
        EnterMmx();
        var slot = ExtendedForWrite(XsaveLayout.X87)[(XsaveLayout.X87Registers + (16 * index))..];
        MemoryMarshal.Write(slot, value);
        slot[8] = slot[9] = 0xff;
    }

    /// <summary>Any MMX instruction makes all x87 registers valid with TOP 0, those that only read included (SDM vol. 1, 9.5.1).</summary>
    private Outcome LeaveMmxMarked(Outcome outcome)
    {
        if (outcome == Outcome.Done && TouchesMmx)
        {
            EnterMmx();
        }

        return outcome;
    }

    private void EnterMmx()
    {
        while (Top != 0)
        {
            RotateStack(true);
        }

        ExtendedForWrite(XsaveLayout.X87)[XsaveLayout.TagByte] = 0xff;
    }

    /// <summary>Reads a vector operand; memory of less than 32 bytes is extended with zeros.</summary>
    private bool TryReadVector(int operand, out Vector256<byte> value)
    {
        if (!IsMemory(operand))
        {
            value = ReadVectorRegister(_instruction.GetOpRegister(operand));
            return true;
        }

        return TryReadVectorMemory(_instruction.MemorySize.GetSize(), out value);
    }

    private bool TryReadVectorMemory(int size, out Vector256<byte> value)
    {
        value = default;
        Span<byte> bytes = stackalloc byte[32];
        bytes.Clear();
        if (!TryLocateVector(size, Access.Read, out var span))
        {
            return false;
        }

        ReadSpan(span, bytes[..size]);
        value = Vector256.Create<byte>(bytes);
        return true;
    }

    private bool TryLocateVector(int size, Access access, out PhysicalSpan span)
    {
        span = default;
        var alignment = size >= 16 && RequiresAlignment() ? size : 1;
        return TryGetAligned(EffectiveAddress(), size, alignment, access, out var linear) && TryCheckAlignment(linear, size) &&
            TryTranslate(linear, size, access, out span);
    }

    /// <summary>Legacy SSE wants 16-byte operands aligned unless the instruction's purpose is that they are not; VEX only for the aligned moves.</summary>
    private readonly bool RequiresAlignment() => IsVex
        ? _instruction.Mnemonic is Mnemonic.Vmovaps or Mnemonic.Vmovapd or Mnemonic.Vmovdqa or Mnemonic.Vmovntps or Mnemonic.Vmovntpd or
            Mnemonic.Vmovntdq or Mnemonic.Vmovntdqa
        : _instruction.Mnemonic is not (Mnemonic.Movups or Mnemonic.Movupd or Mnemonic.Movdqu or Mnemonic.Lddqu or Mnemonic.Pcmpestri or
            Mnemonic.Pcmpestrm or Mnemonic.Pcmpestri64 or Mnemonic.Pcmpestrm64 or Mnemonic.Pcmpistri or Mnemonic.Pcmpistrm);

    /// <summary>Writes the first <paramref name="size"/> bytes to the memory operand.</summary>
    private bool TryWriteVectorMemory(int size, Vector256<byte> value)
    {
        if (!TryLocateVector(size, Access.Write, out var span))
        {
            return false;
        }

        Span<byte> bytes = stackalloc byte[32];
        value.CopyTo(bytes);
        WriteSpan(span, bytes[..size]);
        return true;
    }
}
