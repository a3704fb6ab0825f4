// Exchanges and compare-and-exchange (SDM vol. 2 per instruction; vol. 3A, 8.1.2). XCHG with memory locks without a prefix. CMPXCHG16B is
// always done by one locked operation, with and without the prefix, since that is allowed and 16 bytes cannot be read at once otherwise.
using System.Buffers.Binary;
using HvRunner.Abstractions;
using Iced.Intel;

namespace HvRunner.Instructions;

internal ref partial struct Execution<TMemory, THost>
{
    private Outcome ExecuteAtomics() => _instruction.Mnemonic switch
    {
        Mnemonic.Xchg => Exchange(),
        Mnemonic.Xadd => ExchangeAndAdd(),
        Mnemonic.Cmpxchg => CompareExchange(),
        Mnemonic.Cmpxchg8b => CompareExchange8(),
        Mnemonic.Cmpxchg16b => CompareExchange16(),
        _ => Outcome.Elsewhere,
    };

    private Outcome Exchange()
    {
        // Either operand may be the memory one in Iced's order; the other is then a register.
        var destination = IsMemory(1) ? 1 : 0;
        if (!TryOpen(destination, out var target))
        {
            return Outcome.Fault;
        }

        var register = _instruction.GetOpRegister(1 - destination);
        var value = ReadRegister(register);
        var outcome = Close(target, value);
        if (outcome == Outcome.Done)
        {
            WriteRegister(register, target.Value);
        }

        return outcome;
    }

    private Outcome ExchangeAndAdd()
    {
        if (!TryOpen(0, out var target))
        {
            return Outcome.Fault;
        }

        var flags = _state.Rflags;
        var source = _instruction.Op1Register;
        var sum = StatusFlags.Add(target.Value, ReadRegister(source), 0, target.Size, ref flags);
        if (target.Register != Register.None)
        {
            // With both operands the same register the sum stays.
            WriteRegister(source, target.Value);
            return CloseWithFlags(target, sum, flags);
        }

        var outcome = CloseWithFlags(target, sum, flags);
        if (outcome == Outcome.Done)
        {
            WriteRegister(source, target.Value);
        }

        return outcome;
    }

    private Outcome CompareExchange()
    {
        if (!TryOpen(0, out var target))
        {
            return Outcome.Fault;
        }

        var accumulator = Accumulator(target.Size);
        var flags = _state.Rflags;
        var isEqual = StatusFlags.Subtract(ReadRegister(accumulator), target.Value, 0, target.Size, ref flags) == 0;

        if (!isEqual && target.Register != Register.None)
        {
            // Not even the upper half of a 32-bit register changes.
            _state.Rflags = flags;
            WriteRegister(accumulator, target.Value);
            return Outcome.Done;
        }

        // Memory is written in both cases (vol. 2, CMPXCHG).
        var outcome = CloseWithFlags(target, isEqual ? ReadRegister(_instruction.Op1Register) : target.Value, flags);
        if (outcome == Outcome.Done && !isEqual)
        {
            WriteRegister(accumulator, target.Value);
        }

        return outcome;
    }

    private Outcome CompareExchange8()
    {
        if (!TryOpen(0, out var target))
        {
            return Outcome.Fault;
        }

        var expected = (_state[GeneralRegister.Rdx] << 32) | (uint)_state[GeneralRegister.Rax];
        var desired = (_state[GeneralRegister.Rcx] << 32) | (uint)_state[GeneralRegister.Rbx];
        var isEqual = expected == target.Value;
        var flags = isEqual ? _state.Rflags | Flag.Zero : _state.Rflags & ~Flag.Zero;
        var outcome = CloseWithFlags(target, isEqual ? desired : target.Value, flags);
        if (outcome == Outcome.Done && !isEqual)
        {
            WriteRegister(Register.EAX, target.Value);
            WriteRegister(Register.EDX, target.Value >> 32);
        }

        return outcome;
    }

    private Outcome CompareExchange16()
    {
        if (!TryGetAligned(EffectiveAddress(), 16, 16, Access.Write, out var linear) || !TryTranslate(linear, 16, Access.Write, out var span))
        {
            return Outcome.Fault;
        }

        var expected = new UInt128(_state[GeneralRegister.Rdx], _state[GeneralRegister.Rax]);
        var desired = new UInt128(_state[GeneralRegister.Rcx], _state[GeneralRegister.Rbx]);
        if (!_memory.TryCompareExchange(span.First, expected, desired, out var observed))
        {
            Span<byte> bytes = stackalloc byte[16];
            ReadSpan(span, bytes);
            observed = BinaryPrimitives.ReadUInt128LittleEndian(bytes);
            BinaryPrimitives.WriteUInt128LittleEndian(bytes, observed == expected ? desired : observed);
            WriteSpan(span, bytes);
        }

        if (observed == expected)
        {
            _state.Rflags |= Flag.Zero;
            return Outcome.Done;
        }

        _state.Rflags &= ~Flag.Zero;
        _state[GeneralRegister.Rax] = (ulong)observed;
        _state[GeneralRegister.Rdx] = (ulong)(observed >> 64);
        return Outcome.Done;
    }
}
