using HvRunner.Abstractions;

namespace HvRunner.Kvm;

internal sealed unsafe partial class KvmVcpu
{
    private VcpuExit? CompleteInstruction(IExitHandler handler)
    {
        Counts.CompletedInstruction++;
        _ = handler;
        return new VcpuExit(VcpuExitKind.Failed, "KVM could not execute " + Convert.ToHexString(KvmExit.RefusedBytes(*_run)));
    }
}
