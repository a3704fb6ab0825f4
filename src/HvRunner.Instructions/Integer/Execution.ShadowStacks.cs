// The shadow-stack instructions on a processor without them (SDM vol. 2, RDSSP and its like): RDSSP is a no-operation, the others are undefined.
using Iced.Intel;

namespace HvRunner.Instructions;

internal ref partial struct Execution<TMemory, THost>
{
    private Outcome ExecuteShadowStacks()
    {
        switch (_instruction.Mnemonic)
        {
            case Mnemonic.Rdsspd or Mnemonic.Rdsspq:
                return Outcome.Done;
            case Mnemonic.Incsspd or Mnemonic.Incsspq or Mnemonic.Saveprevssp or Mnemonic.Rstorssp or Mnemonic.Wrssd or Mnemonic.Wrssq or
                Mnemonic.Wrussd or Mnemonic.Wrussq or Mnemonic.Setssbsy or Mnemonic.Clrssbsy:
                return UndefinedOpcode();
            default:
                return Outcome.Elsewhere;
        }
    }
}
