using System.Runtime.Intrinsics.X86;
using System.Security.Cryptography;
using HvRunner.Abstractions;
using HvRunner.Instructions;

namespace HvRunner.Kvm;

/// <summary>What an instruction that hvrun completes may ask of its vCPU, each answer a call into KVM.</summary>
internal readonly struct CompletionHost(KvmVcpu vcpu, IExitHandler handler) : IProcessorHost
{
    private const uint XsaveLayout = 0xd;

    public void LoadExtended(ProcessorState state) => vcpu.GetState(state, StateParts.Extended);

    public void LoadDebug(ProcessorState state) => vcpu.GetState(state, StateParts.Debug);

    public bool TryReadMsr(uint index, out ulong value) => vcpu.IsOfMachine(index) ? vcpu.ReadMsr(handler, index, out value) : vcpu.TryGetMsr(index, out value);

    public bool TryWriteMsr(uint index, ulong value) =>
        vcpu.IsOfMachine(index) || vcpu.IsWatched(index) ? vcpu.WriteMsr(handler, index, value) : vcpu.TrySetMsr(index, value);

    public bool TryGetCpuid(uint leaf, uint subleaf, out CpuidLeaf result)
    {
        foreach (var candidate in vcpu.Cpuid)
        {
            if (candidate.Function == leaf && (!candidate.HasIndex || candidate.Index == subleaf))
            {
                result = candidate;
                return true;
            }
        }

        // Software-assisted KVMs offer no XSAVE and show the guest the processor's all the same: its layout is the processor's, too.
        if (leaf == XsaveLayout && X86Base.IsSupported)
        {
            var (eax, ebx, ecx, edx) = X86Base.CpuId((int)leaf, (int)subleaf);
            result = new CpuidLeaf(leaf, subleaf, true, (uint)eax, (uint)ebx, (uint)ecx, (uint)edx);
            return true;
        }

        result = default;
        return false;
    }

    public void ReadPort(ushort port, Span<byte> data) => handler.PortRead(port, data.Length, data);

    public void WritePort(ushort port, ReadOnlySpan<byte> data) => handler.PortWrite(port, data.Length, data);

    public ulong ReadTimestamp() => vcpu.TryGetMsr(KvmTimestamp.CounterMsr, out var value) ? value : 0;

    // KVM executes MOV to CR8 itself and reports the priority with every exit.
    public void TaskPriorityWritten(ulong priority)
    {
    }

    public ulong NextRandom()
    {
        Span<byte> bytes = stackalloc byte[8];
        RandomNumberGenerator.Fill(bytes);
        return BitConverter.ToUInt64(bytes);
    }

    /// <summary>KVM answers hypercalls itself.</summary>
    public bool TryHypercall(ProcessorState state) => false;
}
