// XLAT (SDM vol. 2).
using Iced.Intel;

namespace HvRunner.Instructions;

internal ref partial struct Execution<TMemory, THost>
{
    private Outcome ExecuteFrames() => _instruction.Code == Code.Xlat_m8 ? Translate() : Outcome.Elsewhere;

    private Outcome Translate()
    {
        // The decoder names AL as an index, which the address computation adds unscaled.
        if (!TryReadMemory(MemorySegment, EffectiveAddress(), 1, out var value))
        {
            return Outcome.Fault;
        }

        WriteRegister(Register.AL, value);
        return Outcome.Done;
    }
}
