// Operands of general instructions: registers, immediates and memory up to 8 bytes, and effective addresses (SDM vol. 1, 3.7; vol. 2, 2.1.5).
// A 32-bit register write clears the upper half in 64-bit mode; 8- and 16-bit writes leave the rest alone (vol. 1, 3.4.1.1).
using HvRunner.Abstractions;
using Iced.Intel;

namespace HvRunner.Instructions;

/// <summary>A destination that was read before it is written: its value, and where the result goes.</summary>
internal struct Target
{
    public PhysicalSpan Span;
    public ulong Value;
    public Register Register;
    public int Size;
}

internal ref partial struct Execution<TMemory, THost>
{
    private readonly ulong ReadRegister(Register register)
    {
        if (register >= Register.RAX)
        {
            return register <= Register.R15 ? _state.General[register - Register.RAX] : ReadSegmentSelector(register);
        }

        if (register >= Register.EAX)
        {
            return (uint)_state.General[register - Register.EAX];
        }

        if (register >= Register.AX)
        {
            return (ushort)_state.General[register - Register.AX];
        }

        // Iced lists AL CL DL BL, AH CH DH BH, then SPL and on.
        var index = register - Register.AL;
        return index < 4 ? (byte)_state.General[index] : index < 8 ? (byte)(_state.General[index - 4] >> 8) : (byte)_state.General[index - 4];
    }

    private readonly ulong ReadSegmentSelector(Register register) =>
        register is >= Register.ES and <= Register.GS ? _state.Segments[register - Register.ES].Selector : 0UL;

    private readonly void WriteRegister(Register register, ulong value)
    {
        if (register >= Register.RAX)
        {
            _state.General[register - Register.RAX] = value;
        }
        else if (register >= Register.EAX)
        {
            _state.General[register - Register.EAX] = (uint)value;
        }
        else if (register >= Register.AX)
        {
            ref var target = ref _state.General[register - Register.AX];
            target = (target & ~0xffffUL) | (ushort)value;
        }
        else
        {
            var index = register - Register.AL;
            ref var target = ref _state.General[index < 4 ? index : index - 4];
            target = index is >= 4 and < 8 ? (target & ~0xff00UL) | ((value & 0xff) << 8) : (target & ~0xffUL) | (byte)value;
        }
    }

    private readonly int OperandSize(int operand)
    {
        var kind = _instruction.GetOpKind(operand);
        return kind == OpKind.Register ? _instruction.GetOpRegister(operand).GetSize()
            : kind is OpKind.Memory or (>= OpKind.MemorySegSI and <= OpKind.MemoryESRDI) ? _instruction.MemorySize.GetSize()
            : kind is OpKind.Immediate8 ? 1
            : OperandSize(0);
    }

    private readonly bool IsMemory(int operand) => _instruction.GetOpKind(operand) == OpKind.Memory;

    /// <summary>The segment of the memory operand. In 64-bit mode overrides of CS, DS, ES and SS are ignored (SDM vol. 1, 3.3.7.1).</summary>
    private readonly SegmentName MemorySegment
    {
        get
        {
            var segment = _instruction.MemorySegment;
            if (_is64 && segment is not (Register.FS or Register.GS))
            {
                return _instruction.MemoryBase is Register.RSP or Register.RBP or Register.ESP or Register.EBP ? SegmentName.Ss : SegmentName.Ds;
            }

            return (SegmentName)(segment - Register.ES);
        }
    }

    /// <summary>Size in bytes of the addresses that the instruction's memory operand uses.</summary>
    private readonly int AddressSize
    {
        get
        {
            var register = _instruction.MemoryBase;
            if (register == Register.None)
            {
                register = _instruction.MemoryIndex;
            }

            return register switch
            {
                Register.RIP => 8,
                Register.EIP => 4,
                >= Register.RAX and <= Register.R15 => 8,
                >= Register.EAX and <= Register.R15D => 4,
                >= Register.AX and <= Register.R15W => 2,
                _ => _instruction.MemoryDisplSize switch { 2 => 2, 4 => 4, 8 => 8, _ => _is64 ? 8 : 4 },
            };
        }
    }

    /// <summary>The offset in its segment of the memory operand.</summary>
    private readonly ulong EffectiveAddress()
    {
        var address = _instruction.MemoryDisplacement64;
        var register = _instruction.MemoryBase;
        if (register is not (Register.None or Register.RIP or Register.EIP))
        {
            address += ReadRegister(register);
        }

        if (_instruction.MemoryIndex != Register.None)
        {
            address += ReadRegister(_instruction.MemoryIndex) * (ulong)_instruction.MemoryIndexScale;
        }

        return AddressSize switch { 2 => (ushort)address, 4 => (uint)address, _ => address };
    }

    /// <summary>Reads an operand of up to 8 bytes, zero-extended; an immediate is sign-extended as its encoding says.</summary>
    private bool TryRead(int operand, out ulong value)
    {
        var kind = _instruction.GetOpKind(operand);
        switch (kind)
        {
            case OpKind.Register:
                value = ReadRegister(_instruction.GetOpRegister(operand));
                return true;
            case OpKind.Memory:
                return TryReadMemory(MemorySegment, EffectiveAddress(), _instruction.MemorySize.GetSize(), out value);
            default:
                value = _instruction.GetImmediate(operand);
                return true;
        }
    }

    /// <summary>Reads a destination and makes sure that it can be written.</summary>
    private bool TryOpen(int operand, out Target target)
    {
        target = default;
        if (!TryOpenForWrite(operand, out target))
        {
            return false;
        }

        target.Value = target.Register != Register.None ? ReadRegister(target.Register) : ReadSpan(target.Span);
        return true;
    }

    /// <summary>Makes sure that a destination can be written, without reading it.</summary>
    private bool TryOpenForWrite(int operand, out Target target)
    {
        target = default;
        if (_instruction.GetOpKind(operand) == OpKind.Register)
        {
            target.Register = _instruction.GetOpRegister(operand);
            target.Size = target.Register.GetSize();
            return true;
        }

        target.Size = _instruction.MemorySize.GetSize();
        return TryLocate(MemorySegment, EffectiveAddress(), target.Size, Access.Write, out target.Span);
    }

    /// <summary>Writes the result; <see cref="Outcome.Again"/> when a locked operand changed meanwhile. Flags are the caller's, afterwards.</summary>
    private readonly Outcome Close(in Target target, ulong value)
    {
        if (target.Register != Register.None)
        {
            WriteRegister(target.Register, value);
            return Outcome.Done;
        }

        var locked = _instruction.HasLockPrefix || _instruction.Mnemonic == Mnemonic.Xchg;
        if (locked && !_plainWrites && target.Span.FirstLength == target.Size &&
            _memory.TryCompareExchange(target.Span.First, target.Size, target.Value, value & Width.Mask(target.Size), out var observed))
        {
            return observed == target.Value ? Outcome.Done : Outcome.Again;
        }

        WriteSpan(target.Span, value);
        return Outcome.Done;
    }

    /// <summary>Writes a destination that needs no reading first.</summary>
    private bool TryWrite(int operand, ulong value)
    {
        if (!TryOpenForWrite(operand, out var target))
        {
            return false;
        }

        if (target.Register != Register.None)
        {
            WriteRegister(target.Register, value);
        }
        else
        {
            WriteSpan(target.Span, value);
        }

        return true;
    }
}
