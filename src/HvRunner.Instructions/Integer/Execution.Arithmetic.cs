// Additions, subtractions, comparisons and logic on general operands (SDM vol. 1, 7.3.2 and 7.3.3). ADCX and ADOX add with one flag each.
using Iced.Intel;

namespace HvRunner.Instructions;

internal ref partial struct Execution<TMemory, THost>
{
    private Outcome ExecuteArithmetic()
    {
        switch (_instruction.Mnemonic)
        {
            case Mnemonic.Add or Mnemonic.Or or Mnemonic.Adc or Mnemonic.Sbb or Mnemonic.And or Mnemonic.Sub or Mnemonic.Xor:
                return Binary();
            case Mnemonic.Cmp or Mnemonic.Test:
                return Compare();
            case Mnemonic.Inc or Mnemonic.Dec or Mnemonic.Neg or Mnemonic.Not:
                return Unary();
            case Mnemonic.Adcx:
                return AddWithOneFlag(Flag.Carry);
            case Mnemonic.Adox:
                return AddWithOneFlag(Flag.Overflow);
            default:
                return Outcome.Elsewhere;
        }
    }

    private Outcome Binary()
    {
        if (!TryRead(1, out var source) || !TryOpen(0, out var target))
        {
            return Outcome.Fault;
        }

        var flags = _state.Rflags;
        var carry = flags & Flag.Carry;
        var result = _instruction.Mnemonic switch
        {
            Mnemonic.Add => StatusFlags.Add(target.Value, source, 0, target.Size, ref flags),
            Mnemonic.Adc => StatusFlags.Add(target.Value, source, carry, target.Size, ref flags),
            Mnemonic.Sub => StatusFlags.Subtract(target.Value, source, 0, target.Size, ref flags),
            Mnemonic.Sbb => StatusFlags.Subtract(target.Value, source, carry, target.Size, ref flags),
            Mnemonic.Or => StatusFlags.Logic(target.Value | source, target.Size, ref flags),
            Mnemonic.And => StatusFlags.Logic(target.Value & source, target.Size, ref flags),
            _ => StatusFlags.Logic(target.Value ^ source, target.Size, ref flags),
        };
        return CloseWithFlags(target, result, flags);
    }

    private Outcome Compare()
    {
        if (!TryRead(0, out var left) || !TryRead(1, out var right))
        {
            return Outcome.Fault;
        }

        var size = OperandSize(0);
        if (_instruction.Mnemonic == Mnemonic.Cmp)
        {
            StatusFlags.Subtract(left, right, 0, size, ref _state.Rflags);
        }
        else
        {
            StatusFlags.Logic(left & right, size, ref _state.Rflags);
        }

        return Outcome.Done;
    }

    private Outcome Unary()
    {
        if (!TryOpen(0, out var target))
        {
            return Outcome.Fault;
        }

        var flags = _state.Rflags;
        var carry = flags & Flag.Carry;
        ulong result;
        switch (_instruction.Mnemonic)
        {
            case Mnemonic.Inc:
                result = StatusFlags.Add(target.Value, 1, 0, target.Size, ref flags);
                flags = (flags & ~Flag.Carry) | carry;
                break;
            case Mnemonic.Dec:
                result = StatusFlags.Subtract(target.Value, 1, 0, target.Size, ref flags);
                flags = (flags & ~Flag.Carry) | carry;
                break;
            case Mnemonic.Neg:
                result = StatusFlags.Subtract(0, target.Value, 0, target.Size, ref flags);
                break;
            default:
                result = ~target.Value & Width.Mask(target.Size);
                break;
        }

        return CloseWithFlags(target, result, flags);
    }

    private Outcome AddWithOneFlag(ulong flag)
    {
        if (!TryRead(1, out var source) || !TryRead(0, out var left))
        {
            return Outcome.Fault;
        }

        var size = OperandSize(0);
        ulong flags = 0;
        var result = StatusFlags.Add(left, source, (_state.Rflags & flag) != 0 ? 1UL : 0, size, ref flags);
        _state.Rflags = (flags & Flag.Carry) != 0 ? _state.Rflags | flag : _state.Rflags & ~flag;
        WriteRegister(_instruction.Op0Register, result);
        return Outcome.Done;
    }

    private readonly Outcome CloseWithFlags(in Target target, ulong result, ulong flags)
    {
        var outcome = Close(target, result);
        if (outcome == Outcome.Done)
        {
            _state.Rflags = flags;
        }

        return outcome;
    }
}
