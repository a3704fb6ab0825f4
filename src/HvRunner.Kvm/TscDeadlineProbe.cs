using HvRunner.Abstractions;

namespace HvRunner.Kvm;

/// <summary>
/// Whether this KVM passes a guest's write of IA32_TSC_DEADLINE on when the local APICs are the machine's. Its quick path for that register asks neither the filter nor
/// whether there is an APIC of its own, and drops the write, silently: on Intel with the preemption timer since Linux 5.8, on every processor once the timer is no longer
/// asked about (arch/x86/kvm/x86.c, handle_fastpath_set_tscdeadline). Told by trying, in a guest of five instructions.
/// <para>Deliberately absent: to let guests execute MWAIT, which closes that path up to some kernel. It gives a guest the host's sleep states, for a timer that has a substitute.</para>
/// </summary>
internal static class TscDeadlineProbe
{
    // What is always set in RFLAGS, and nothing else.
    private const ulong ClearFlags = 2;

    // A KVM that executes an instruction for ever inside one call is stopped by this.
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(1);

    /// <summary>mov ecx, 0x6e0; xor eax, eax; xor edx, edx; wrmsr; out 0x80, al; in 16-bit code.</summary>
    private static ReadOnlySpan<byte> Code => [0x66, 0xb9, 0xe0, 0x06, 0, 0, 0x66, 0x31, 0xc0, 0x66, 0x31, 0xd2, 0x0f, 0x30, 0xe6, 0x80, 0xeb, 0xfe];

    /// <summary>Runs the guest: some milliseconds, a second at most. The leaves are what it sees; they show the register. Throws <see cref="HypervisorException"/>.</summary>
    internal static bool IsPassedOn(KvmHypervisor hypervisor, IReadOnlyList<CpuidLeaf> leaves)
    {
        using var memory = hypervisor.AllocateMemory([new GuestRange(new GuestAddress(0), (ulong)Environment.SystemPageSize)]);
        memory.TryWrite(new GuestAddress(0), Code);
        using var partition = hypervisor.CreatePartition(new PartitionConfig { VcpuCount = 1, Irqchip = IrqchipMode.User, Memory = memory, CpuidOf = _ => leaves });
        var vcpu = partition.Vcpus[0];
        var state = new ProcessorState();
        vcpu.GetState(state, StateParts.General | StateParts.System);
        state[SegmentName.Cs] = state[SegmentName.Cs] with { Selector = 0, Base = 0 };
        state.Rip = 0;
        state.Rflags = ClearFlags;
        vcpu.SetState(state, StateParts.General | StateParts.System);
        var handler = new FirstWord(vcpu);
        var thread = new Thread(() => Run(vcpu, handler)) { Name = "deadline probe", IsBackground = true };
        thread.Start();
        if (!thread.Join(Limit))
        {
            vcpu.RequestStop();
            thread.Join();
        }

        return handler.IsPassedOn;
    }

    private static void Run(IVcpu vcpu, FirstWord handler)
    {
        try
        {
            vcpu.Run(handler);
        }
        catch (HypervisorException)
        {
            // A KVM that cannot run five instructions says so when it is to run the guest.
        }
    }

    /// <summary>Ends the guest at the first exit that it expects: the write, or the port behind it.</summary>
    private sealed class FirstWord(IVcpu vcpu) : IExitHandler
    {
        internal bool IsPassedOn { get; private set; }

        public ulong TaskPriority { get; set; }

        public void PortRead(ushort port, int elementSize, Span<byte> data) => vcpu.RequestStop();

        public void PortWrite(ushort port, int elementSize, ReadOnlySpan<byte> data) => vcpu.RequestStop();

        public void MmioRead(GuestAddress address, Span<byte> data) => vcpu.RequestStop();

        public void MmioWrite(GuestAddress address, ReadOnlySpan<byte> data) => vcpu.RequestStop();

        public bool MsrRead(uint index, out ulong value)
        {
            value = 0;
            return false;
        }

        public bool MsrWrite(uint index, ulong value)
        {
            IsPassedOn |= index == KvmVcpu.TscDeadlineMsr;
            vcpu.RequestStop();
            return true;
        }

        public ulong Hypercall(ulong number, ReadOnlySpan<ulong> arguments, bool longMode) => 0;

        public void InstructionCompleted(ulong rip, ReadOnlySpan<byte> instruction)
        {
        }

        public void Kicked()
        {
        }

        public bool BeforeEntry(ref EntryEvents events) => false;

        public void EndOfInterrupt(byte vector)
        {
        }
    }
}
