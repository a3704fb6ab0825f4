using HvRunner.Abstractions;
using HvRunner.Machine.Verdicts;

namespace HvRunner.Machine;

/// <summary>One vCPU's thread: runs it and turns the way its run ends into a verdict. Whatever is thrown on it is a fault of hvrun's own, and a verdict too.</summary>
internal sealed class VcpuThread
{
    // Taken as it is touched, which is a few pages; a processor that runs in chains of calls may need more where a compiler makes no jumps of them.
    private const int StackBytes = 8 << 20;

    private readonly IVcpu _vcpu;
    private readonly IExitHandler _handler;
    private readonly PauseGate _pause;
    private readonly RunControl _control;
    private readonly Thread _thread;

    internal VcpuThread(IVcpu vcpu, IExitHandler handler, PauseGate pause, RunControl control)
    {
        _vcpu = vcpu;
        _handler = handler;
        _pause = pause;
        _control = control;
        _thread = new Thread(Serve, StackBytes) { IsBackground = true, Name = $"vcpu{vcpu.Index}" };
    }

    internal void Start() => _thread.Start();

    internal bool Join(TimeSpan limit) => _thread.Join(limit);

    private void Serve()
    {
        try
        {
            if (VerdictOf(Run()) is { } verdict)
            {
                _control.End(verdict);
            }
        }
        catch (HypervisorException exception)
        {
            _control.End(new Verdict(VerdictKind.CpuError, $"vCPU {_vcpu.Index}: {exception.Message}"));
        }
        catch (Exception exception)
        {
            _control.End(new Verdict(VerdictKind.Internal, $"vCPU {_vcpu.Index}: {exception}"));
        }
    }

    private VcpuExit Run()
    {
        _pause.Enter(_vcpu.Index);
        try
        {
            return _vcpu.Run(_handler);
        }
        finally
        {
            _pause.Leave(_vcpu.Index);
        }
    }

    private Verdict? VerdictOf(VcpuExit exit) => exit.Kind switch
    {
        VcpuExitKind.Stopped => null,
        VcpuExitKind.Shutdown => new Verdict(
            VerdictKind.TripleFault, $"vCPU {_vcpu.Index} shut down after a triple fault{(exit.Sentence is { } more ? $"; {more}" : string.Empty)}"),
        VcpuExitKind.Halted => new Verdict(VerdictKind.Halted, exit.Sentence),
        VcpuExitKind.PowerOff => new Verdict(VerdictKind.PowerOff, exit.Sentence),
        VcpuExitKind.Reset => new Verdict(VerdictKind.Reset, exit.Sentence),
        VcpuExitKind.Crash => new Verdict(VerdictKind.Panic, exit.Sentence),
        _ => new Verdict(VerdictKind.CpuError, $"vCPU {_vcpu.Index}: {exit.Sentence}"),
    };
}
