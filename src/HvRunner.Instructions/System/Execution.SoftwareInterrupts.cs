// INT3, INT n, INTO, INT1, BOUND, IRET, UD0 to UD2, RSM (SDM vol. 2, INT n). Delivery through the descriptor tables is in InterruptDelivery, the way back
// in InterruptReturn.
using Iced.Intel;

namespace HvRunner.Instructions;

internal ref partial struct Execution<TMemory, THost>
{
    private Outcome ExecuteSoftwareInterrupts()
    {
        switch (_instruction.Mnemonic)
        {
            case Mnemonic.Int3:
                return Deliver(ExceptionVector.Breakpoint, InterruptOrigin.Software, null, _nextRip, _state.Rflags & ~Flag.Resume);
            case Mnemonic.Int:
                return Deliver(_instruction.Immediate8, InterruptOrigin.Software, null, _nextRip, _state.Rflags & ~Flag.Resume);
            case Mnemonic.Into:
                return (_state.Rflags & Flag.Overflow) == 0
                    ? Outcome.Done
                    : Deliver(ExceptionVector.Overflow, InterruptOrigin.Software, null, _nextRip, _state.Rflags & ~Flag.Resume);
            case Mnemonic.Int1:
                // Taken for a debug exception by everything but DR6: no DPL check.
                return Deliver(ExceptionVector.Debug, InterruptOrigin.Hardware, null, _nextRip, _state.Rflags & ~Flag.Resume);
            case Mnemonic.Iret or Mnemonic.Iretd or Mnemonic.Iretq:
                return InterruptReturn();
            case Mnemonic.Bound:
                return CheckBounds();
            case Mnemonic.Ud0 or Mnemonic.Ud1 or Mnemonic.Ud2 or Mnemonic.Rsm:
                // RSM exists in system-management mode only, where the executor never is.
                return UndefinedOpcode();
            default:
                return Outcome.Elsewhere;
        }
    }

    /// <summary>A signed index against two signed bounds in memory, both of which it may equal.</summary>
    private Outcome CheckBounds()
    {
        var size = _instruction.Op0Register.GetSize();
        var address = EffectiveAddress();
        if (!TryLocate(MemorySegment, address, 2 * size, Access.Read, out var span))
        {
            return Outcome.Fault;
        }

        var bounds = ReadSpan(span);
        var index = (long)Width.SignExtend(ReadRegister(_instruction.Op0Register), size);
        var lower = (long)Width.SignExtend(bounds, size);
        var upper = (long)Width.SignExtend(bounds >> (8 * size), size);
        return index < lower || index > upper ? Raise(ExceptionVector.BoundRange) : Outcome.Done;
    }
}
