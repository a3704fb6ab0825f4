using HvRunner.Abstractions;
using HvRunner.Machine.Verdicts;

namespace HvRunner.Machine;

/// <summary>
/// A wire whose refusal by the host is a verdict. Devices drive wires from timer and input threads too, where an exception would end the process
/// and not the run.
/// </summary>
internal sealed class GuardedLine(IInterruptLine line, string device, RunControl control) : IInterruptLine
{
    public void Set(bool asserted)
    {
        try
        {
            line.Set(asserted);
        }
        catch (HypervisorException exception)
        {
            control.End(new Verdict(VerdictKind.CpuError, $"the interrupt line of {device} cannot be driven: {exception.Message}"));
        }
    }
}
