// Port input and output: IN, OUT, INS, OUTS (SDM vol. 1, chapter 19; vol. 2 per instruction). A port is touched only after permission and the
// memory operand have been checked, because a device's answer cannot be taken back.
using System.Buffers.Binary;
using HvRunner.Abstractions;
using Iced.Intel;

namespace HvRunner.Instructions;

internal ref partial struct Execution<TMemory, THost>
{
    private Outcome ExecutePorts()
    {
        switch (_instruction.Mnemonic)
        {
            case Mnemonic.In:
                return Input();
            case Mnemonic.Out:
                return Output();
            case Mnemonic.Insb:
                return MovePortString(true, 1);
            case Mnemonic.Insw:
                return MovePortString(true, 2);
            case Mnemonic.Insd:
                return MovePortString(true, 4);
            case Mnemonic.Outsb:
                return MovePortString(false, 1);
            case Mnemonic.Outsw:
                return MovePortString(false, 2);
            case Mnemonic.Outsd:
                return MovePortString(false, 4);
            default:
                return Outcome.Elsewhere;
        }
    }

    private Outcome Input()
    {
        var size = _instruction.Op0Register.GetSize();
        var port = (ushort)(_instruction.Op1Kind == OpKind.Register ? ReadRegister(Register.DX) : _instruction.Immediate8);
        if (!MayUsePort(port, size))
        {
            return Outcome.Fault;
        }

        WriteRegister(_instruction.Op0Register, ReadPort(port, size));
        return Outcome.Done;
    }

    private Outcome Output()
    {
        var size = _instruction.Op1Register.GetSize();
        var port = (ushort)(_instruction.Op0Kind == OpKind.Register ? ReadRegister(Register.DX) : _instruction.Immediate8);
        if (!MayUsePort(port, size))
        {
            return Outcome.Fault;
        }

        WritePort(port, size, ReadRegister(_instruction.Op1Register));
        return Outcome.Done;
    }

    /// <summary>INS and OUTS; one step is one iteration, as with the other string instructions.</summary>
    private Outcome MovePortString(bool isInput, int size)
    {
        var addressSize = StringAddressSize();
        var repeats = _instruction.HasRepePrefix || _instruction.HasRepnePrefix;
        if (repeats && ReadCount(addressSize) == 0)
        {
            return Outcome.Done;
        }

        var port = (ushort)ReadRegister(Register.DX);
        if (!MayUsePort(port, size))
        {
            return Outcome.Fault;
        }

        var pointer = isInput ? GeneralRegister.Rdi : GeneralRegister.Rsi;
        var offset = _state[pointer] & Width.Mask(addressSize);
        if (isInput)
        {
            if (!TryLocate(SegmentName.Es, offset, size, Access.Write, out var span))
            {
                return Outcome.Fault;
            }

            WriteSpan(span, ReadPort(port, size));
        }
        else if (TryReadMemory(MemorySegment, offset, size, out var value))
        {
            WritePort(port, size, value);
        }
        else
        {
            return Outcome.Fault;
        }

        WriteCounter(pointer, addressSize, offset + ((_state.Rflags & Flag.Direction) != 0 ? 0 - (ulong)size : (ulong)size));
        if (repeats)
        {
            EndIteration(addressSize, false);
        }

        return Outcome.Done;
    }

    private ulong ReadPort(ushort port, int size)
    {
        Span<byte> bytes = stackalloc byte[8];
        bytes.Clear();
        _host.ReadPort(port, bytes[..size]);
        NotePort(port, size);
        return BinaryPrimitives.ReadUInt64LittleEndian(bytes);
    }

    private void WritePort(ushort port, int size, ulong value)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        _host.WritePort(port, bytes[..size]);
        NotePort(port, size);
    }

    /// <summary>CPL up to IOPL may use all ports; above it the bitmap in the TSS decides (SDM vol. 1, 19.5.2), whose last byte must be readable.</summary>
    private bool MayUsePort(ushort port, int size)
    {
        if (!_isProtected || _cpl <= IoPrivilegeLevel)
        {
            return true;
        }

        const int BitmapField = 0x66;
        ref var tss = ref _state.Segments[(int)SegmentName.Tr];
        if (tss.Unusable || (tss.Type & 8) == 0 || tss.Limit < BitmapField + 1)
        {
            return Refuse(ExceptionVector.GeneralProtection, 0);
        }

        if (!TryReadSystem(tss.Base + BitmapField, 2, out var bitmap))
        {
            return false;
        }

        // Two bytes are read always, so that an access that spans two is covered.
        var at = bitmap + ((ulong)port >> 3);
        if (at + 1 > tss.Limit)
        {
            return Refuse(ExceptionVector.GeneralProtection, 0);
        }

        if (!TryReadSystem(tss.Base + at, 2, out var bits))
        {
            return false;
        }

        return ((bits >> (port & 7)) & ((1UL << size) - 1)) == 0 || Refuse(ExceptionVector.GeneralProtection, 0);
    }
}
