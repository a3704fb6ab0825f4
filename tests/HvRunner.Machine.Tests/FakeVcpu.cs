using HvRunner.Abstractions;

namespace HvRunner.Machine.Tests;

/// <summary>A vCPU that runs nothing: it counts what is asked of it and ends as a test says.</summary>
internal class FakeVcpu(int index = 0) : IVcpu
{
    internal VcpuActivity Activity { get; set; }

    internal Func<IExitHandler, VcpuExit> OnRun { get; init; } = _ => new VcpuExit(VcpuExitKind.Stopped);

    internal int Kicks { get; private set; }

    public int Index => index;

    public ExitCounts Counts { get; } = new();

    public VcpuExit Run(IExitHandler handler) => OnRun(handler);

    public void Kick() => Kicks++;

    public void RequestStop()
    {
    }

    public void GetState(ProcessorState state, StateParts parts)
    {
    }

    public void SetState(ProcessorState state, StateParts parts)
    {
    }

    public bool TryGetMsr(uint index, out ulong value)
    {
        value = 0;
        return false;
    }

    public bool TrySetMsr(uint index, ulong value) => false;

    public VcpuActivity GetActivity() => Activity;
}
