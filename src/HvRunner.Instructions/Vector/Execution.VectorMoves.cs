// Moves between vector registers, memory and general registers, broadcasts, 128-bit inserts and extracts, zeroing, MXCSR (SDM vol. 1, 10.4.1,
// 11.4.1.1, 14.1; vol. 2 per instruction). Not done: VMASKMOV, gathers.
using System.Runtime.Intrinsics;
using Iced.Intel;

namespace HvRunner.Instructions;

internal ref partial struct Execution<TMemory, THost>
{
    private Outcome ExecuteVectorMoves()
    {
        if (_instruction.Encoding is not (EncodingKind.Legacy or EncodingKind.VEX))
        {
            return Outcome.Elsewhere;
        }

        switch (_instruction.Mnemonic)
        {
            case Mnemonic.Movups or Mnemonic.Movaps or Mnemonic.Movupd or Mnemonic.Movapd or Mnemonic.Movdqu or Mnemonic.Movdqa or
                Mnemonic.Lddqu or Mnemonic.Movntps or Mnemonic.Movntpd or Mnemonic.Movntdq or Mnemonic.Movntdqa or Mnemonic.Movntq or
                Mnemonic.Vmovups or Mnemonic.Vmovaps or Mnemonic.Vmovupd or Mnemonic.Vmovapd or Mnemonic.Vmovdqu or Mnemonic.Vmovdqa or
                Mnemonic.Vlddqu or Mnemonic.Vmovntps or Mnemonic.Vmovntpd or Mnemonic.Vmovntdq or Mnemonic.Vmovntdqa:
                return MoveVector();
            case Mnemonic.Movd or Mnemonic.Vmovd or Mnemonic.Movq or Mnemonic.Vmovq:
                return MoveLow();
            case Mnemonic.Movss or Mnemonic.Vmovss:
                return MoveScalar(4);
            case Mnemonic.Movsd or Mnemonic.Vmovsd:
                // Movsd is also the string instruction, which has no explicit register.
                return _instruction.Code is Code.Movsd_m32_m32 ? Outcome.Elsewhere : MoveScalar(8);
            case Mnemonic.Movlps or Mnemonic.Movlpd or Mnemonic.Vmovlps or Mnemonic.Vmovlpd:
                return MoveHalf(0);
            case Mnemonic.Movhps or Mnemonic.Movhpd or Mnemonic.Vmovhps or Mnemonic.Vmovhpd:
                return MoveHalf(1);
            case Mnemonic.Movhlps or Mnemonic.Vmovhlps or Mnemonic.Movlhps or Mnemonic.Vmovlhps:
                return MoveBetweenHalves();
            case Mnemonic.Movq2dq or Mnemonic.Movdq2q:
                return MoveMmxQuadword();
            case Mnemonic.Vbroadcastss or Mnemonic.Vbroadcastsd or Mnemonic.Vbroadcastf128 or Mnemonic.Vbroadcasti128 or
                Mnemonic.Vpbroadcastb or Mnemonic.Vpbroadcastw or Mnemonic.Vpbroadcastd or Mnemonic.Vpbroadcastq:
                return Broadcast();
            case Mnemonic.Vextractf128 or Mnemonic.Vextracti128 or Mnemonic.Vinsertf128 or Mnemonic.Vinserti128:
                return MoveLane();
            case Mnemonic.Vzeroupper or Mnemonic.Vzeroall:
                return ZeroRegisters();
            case Mnemonic.Ldmxcsr or Mnemonic.Vldmxcsr or Mnemonic.Stmxcsr or Mnemonic.Vstmxcsr:
                return MoveControl();
            case Mnemonic.Emms:
                return LeaveMmx();
            default:
                return Outcome.Elsewhere;
        }
    }

    private Outcome MoveVector()
    {
        if (!TryBeginVector())
        {
            return Outcome.Fault;
        }

        if (IsMemory(0))
        {
            var source = ReadVectorRegister(_instruction.Op1Register);
            return TryWriteVectorMemory(_instruction.MemorySize.GetSize(), source) ? Outcome.Done : Outcome.Fault;
        }

        if (!TryReadVector(1, out var value))
        {
            return Outcome.Fault;
        }

        WriteVectorRegister(_instruction.Op0Register, value);
        return Outcome.Done;
    }

    /// <summary>MOVD and MOVQ: 4 or 8 bytes between a vector register and a general register, memory or another vector register.</summary>
    private Outcome MoveLow()
    {
        if (!TryBeginVector())
        {
            return Outcome.Fault;
        }

        var toVector = !IsMemory(0) && _instruction.Op0Register > Register.R15;
        var fromVector = !IsMemory(1) && _instruction.Op1Register > Register.R15;
        ulong value;
        if (fromVector)
        {
            value = ReadVectorRegister(_instruction.Op1Register).AsUInt64().ToScalar();
        }
        else if (!TryRead(1, out value))
        {
            return Outcome.Fault;
        }

        if (toVector)
        {
            WriteVectorRegister(_instruction.Op0Register, Vector128.CreateScalar(value).AsByte().ToVector256());
            return Outcome.Done;
        }

        return TryWrite(0, value) ? Outcome.Done : Outcome.Fault;
    }

    private Outcome MoveScalar(int size)
    {
        if (!TryBeginVector())
        {
            return Outcome.Fault;
        }

        if (IsMemory(0))
        {
            return TryWriteVectorMemory(size, ReadVectorRegister(_instruction.Op1Register)) ? Outcome.Done : Outcome.Fault;
        }

        if (IsMemory(1))
        {
            // A load clears the rest of the 128 bits, a move between registers keeps it.
            if (!TryReadVectorMemory(size, out var loaded))
            {
                return Outcome.Fault;
            }

            WriteVectorRegister(_instruction.Op0Register, loaded);
            return Outcome.Done;
        }

        var last = _instruction.OpCount - 1;
        var kept = ReadVectorRegister(_instruction.GetOpRegister(last - 1)).GetLower();
        var low = ReadVectorRegister(_instruction.GetOpRegister(last)).GetLower();
        WriteVectorRegister(_instruction.Op0Register, ReplaceLow(kept, low, size).ToVector256());
        return Outcome.Done;
    }

    private static Vector128<byte> ReplaceLow(Vector128<byte> value, Vector128<byte> low, int size) => size == 4
        ? value.AsUInt32().WithElement(0, low.AsUInt32().ToScalar()).AsByte()
        : value.AsUInt64().WithElement(0, low.AsUInt64().ToScalar()).AsByte();

    private Outcome MoveHalf(int half)
    {
        if (!TryBeginVector())
        {
            return Outcome.Fault;
        }

        if (IsMemory(0))
        {
            var source = ReadVectorRegister(_instruction.Op1Register).AsUInt64().GetElement(half);
            return TryWriteVectorMemory(8, Vector256.CreateScalar(source).AsByte()) ? Outcome.Done : Outcome.Fault;
        }

        var last = _instruction.OpCount - 1;
        if (!TryReadVectorMemory(8, out var loaded))
        {
            return Outcome.Fault;
        }

        var kept = ReadVectorRegister(_instruction.GetOpRegister(last - 1)).GetLower().AsUInt64();
        WriteVectorRegister(_instruction.Op0Register, kept.WithElement(half, loaded.AsUInt64().ToScalar()).AsByte().ToVector256());
        return Outcome.Done;
    }

    private Outcome MoveBetweenHalves()
    {
        if (!TryBeginVector())
        {
            return Outcome.Fault;
        }

        var last = _instruction.OpCount - 1;
        var kept = ReadVectorRegister(_instruction.GetOpRegister(last - 1)).GetLower().AsUInt64();
        var source = ReadVectorRegister(_instruction.GetOpRegister(last)).GetLower().AsUInt64();
        var result = _instruction.Mnemonic is Mnemonic.Movhlps or Mnemonic.Vmovhlps
            ? kept.WithElement(0, source.GetElement(1))
            : kept.WithElement(1, source.GetElement(0));
        WriteVectorRegister(_instruction.Op0Register, result.AsByte().ToVector256());
        return Outcome.Done;
    }

    private Outcome MoveMmxQuadword()
    {
        if (!TryBeginVector())
        {
            return Outcome.Fault;
        }

        var value = ReadVectorRegister(_instruction.Op1Register).AsUInt64().ToScalar();
        EnterMmx();
        WriteVectorRegister(_instruction.Op0Register, Vector256.CreateScalar(value).AsByte());
        return Outcome.Done;
    }

    private Outcome Broadcast()
    {
        if (!TryBeginVector() || !TryReadVector(1, out var source))
        {
            return Outcome.Fault;
        }

        var low = source.GetLower();
        var value = _instruction.Mnemonic switch
        {
            Mnemonic.Vpbroadcastb => Vector256.Create(low.ToScalar()),
            Mnemonic.Vpbroadcastw => Vector256.Create(low.AsUInt16().ToScalar()).AsByte(),
            Mnemonic.Vpbroadcastd or Mnemonic.Vbroadcastss => Vector256.Create(low.AsUInt32().ToScalar()).AsByte(),
            Mnemonic.Vpbroadcastq or Mnemonic.Vbroadcastsd => Vector256.Create(low.AsUInt64().ToScalar()).AsByte(),
            _ => Vector256.Create(low, low),
        };
        WriteVectorRegister(_instruction.Op0Register, value);
        return Outcome.Done;
    }

    private Outcome MoveLane()
    {
        if (!TryBeginVector())
        {
            return Outcome.Fault;
        }

        var upper = (_instruction.Immediate8 & 1) != 0;
        if (_instruction.Mnemonic is Mnemonic.Vextractf128 or Mnemonic.Vextracti128)
        {
            var whole = ReadVectorRegister(_instruction.Op1Register);
            var lane = (upper ? whole.GetUpper() : whole.GetLower()).ToVector256();
            if (IsMemory(0))
            {
                return TryWriteVectorMemory(16, lane) ? Outcome.Done : Outcome.Fault;
            }

            WriteVectorRegister(_instruction.Op0Register, lane);
            return Outcome.Done;
        }

        if (!TryReadVector(2, out var inserted))
        {
            return Outcome.Fault;
        }

        var target = ReadVectorRegister(_instruction.Op1Register);
        WriteVectorRegister(_instruction.Op0Register, upper ? target.WithUpper(inserted.GetLower()) : target.WithLower(inserted.GetLower()));
        return Outcome.Done;
    }

    private Outcome ZeroRegisters()
    {
        if (!TryBeginVector())
        {
            return Outcome.Fault;
        }

        for (var i = 0; i < (_is64 ? 16 : 8); i++)
        {
            if (_instruction.Mnemonic == Mnemonic.Vzeroall)
            {
                ExtendedForWrite(XsaveLayout.Sse).Slice(XsaveLayout.XmmRegisters + (16 * i), 16).Clear();
            }

            WriteUpper(i, default);
        }

        return Outcome.Done;
    }

    private Outcome MoveControl()
    {
        if (!TryBeginVector())
        {
            return Outcome.Fault;
        }

        if (_instruction.Mnemonic is Mnemonic.Stmxcsr or Mnemonic.Vstmxcsr)
        {
            return TryWrite(0, Mxcsr) ? Outcome.Done : Outcome.Fault;
        }

        if (!TryRead(0, out var value))
        {
            return Outcome.Fault;
        }

        if ((value & ~(ulong)XsaveLayout.MxcsrMask) != 0)
        {
            return GeneralProtection();
        }

        Mxcsr = (uint)value;
        return Outcome.Done;
    }

    private Outcome LeaveMmx()
    {
        if ((_state.Cr0 & ControlBit.Cr0Em) != 0)
        {
            return UndefinedOpcode();
        }

        if (!TryBeginX87(true))
        {
            return Outcome.Fault;
        }

        EnterMmx();
        ExtendedForWrite(XsaveLayout.X87)[XsaveLayout.TagByte] = 0;
        return Outcome.Done;
    }
}
