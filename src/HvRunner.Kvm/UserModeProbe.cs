using System.Buffers.Binary;
using HvRunner.Abstractions;

namespace HvRunner.Kvm;

/// <summary>
/// What this KVM is like when the local APICs are the machine's. Told by trying, in a guest of some twenty instructions.
/// <para>Whether it passes the write of IA32_TSC_DEADLINE on. Its quick path for that register asks neither the filter nor whether there is an APIC of its own, and drops the
/// write, silently: on Intel with the preemption timer since Linux 5.8, on every processor once the timer is no longer asked about (arch/x86/kvm/x86.c,
/// handle_fastpath_set_tscdeadline).</para>
/// <para>Whether the counter can be moved: a KVM without VMX and SVM below takes what it is set to, and RDTSC shows the host's all the same.</para>
/// <para>Whether it tells of every window for interrupts that it was asked about. One that executes the guest in its own emulator looks now and then alone, and a guest
/// whose interrupts are on for a moment at a time never takes any.</para>
/// <para>Deliberately absent: to let guests execute MWAIT, which closes that path up to some kernel. It gives a guest the host's sleep states, for a timer that has a substitute.</para>
/// </summary>
internal static class UserModeProbe
{
    // What is always set in RFLAGS, and nothing else.
    private const ulong ClearFlags = 2;

    // A KVM that executes an instruction for ever inside one call is stopped by this.
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(1);

    // No host has been up for so long: 26 years at 2.8 GHz.
    private const int FarBit = 61;

    private const ushort LowPort = 0x80;
    private const ushort HighPort = 0x81;
    private const ushort AskPort = 0x82;

    /// <summary>
    /// mov ecx, 0x6e0; xor eax, eax; xor edx, edx; wrmsr; mov ecx, 0x10; mov edx, 0x20000000; wrmsr; rdtsc; out 0x80, eax; mov eax, edx; out 0x81, eax;
    /// out 0x82, al; sti; nop; cli; out 0x83, al; jmp $; in 16-bit code, with interrupts off.
    /// </summary>
    private static ReadOnlySpan<byte> Code =>
    [
        0x66, 0xb9, 0xe0, 0x06, 0, 0, 0x66, 0x31, 0xc0, 0x66, 0x31, 0xd2, 0x0f, 0x30,
        0x66, 0xb9, 0x10, 0, 0, 0, 0x66, 0xba, 0, 0, 0, 0x20, 0x0f, 0x30, 0x0f, 0x31,
        0x66, 0xe7, 0x80, 0x66, 0x89, 0xd0, 0x66, 0xe7, 0x81,
        0xe6, 0x82, 0xfb, 0x90, 0xfa, 0xe6, 0x83, 0xeb, 0xfe,
    ];

    /// <summary>Runs the guest: some milliseconds, a second at most. The leaves are what it sees; they show the deadline. Throws <see cref="HypervisorException"/>.</summary>
    internal static UserModeFindings Run(KvmHypervisor hypervisor, IReadOnlyList<CpuidLeaf> leaves)
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
        var listener = new Listener(vcpu);
        var thread = new Thread(() => Run(vcpu, listener)) { Name = "user mode probe", IsBackground = true };
        thread.Start();
        if (!thread.Join(Limit))
        {
            vcpu.RequestStop();
            thread.Join();
        }

        return new UserModeFindings(listener.IsDeadlinePassedOn, listener.Counter >> FarBit != 0, listener.IsWindowSeen);
    }

    private static void Run(IVcpu vcpu, Listener listener)
    {
        try
        {
            vcpu.Run(listener);
        }
        catch (HypervisorException)
        {
            // A KVM that cannot run these few instructions says so when it is to run the guest.
        }
    }

    /// <summary>Hears the deadline, if it comes, the two halves of the counter, and whether the window is seen before the last port.</summary>
    private sealed class Listener(IVcpu vcpu) : IExitHandler
    {
        internal bool IsDeadlinePassedOn { get; private set; }

        private bool _asks;

        internal ulong Counter { get; private set; }

        internal bool IsWindowSeen { get; private set; }

        public ulong TaskPriority { get; set; }

        public void PortRead(ushort port, int elementSize, Span<byte> data) => vcpu.RequestStop();

        public void PortWrite(ushort port, int elementSize, ReadOnlySpan<byte> data)
        {
            switch (port)
            {
                case LowPort:
                    Counter = BinaryPrimitives.ReadUInt32LittleEndian(data);
                    break;
                case HighPort:
                    Counter |= (ulong)BinaryPrimitives.ReadUInt32LittleEndian(data) << 32;
                    break;
                case AskPort:
                    _asks = true;
                    break;
                default:
                    _asks = false;
                    vcpu.RequestStop();
                    break;
            }
        }

        public void MmioRead(GuestAddress address, Span<byte> data) => vcpu.RequestStop();

        public void MmioWrite(GuestAddress address, ReadOnlySpan<byte> data) => vcpu.RequestStop();

        public bool MsrRead(uint index, out ulong value)
        {
            value = 0;
            return false;
        }

        public bool MsrWrite(uint index, ulong value)
        {
            IsDeadlinePassedOn |= index == KvmVcpu.TscDeadlineMsr;
            return true;
        }

        public ulong Hypercall(ulong number, ReadOnlySpan<ulong> arguments, bool longMode) => 0;

        public void InstructionCompleted(ulong rip, ReadOnlySpan<byte> instruction)
        {
        }

        public void Kicked()
        {
        }

        public bool BeforeEntry(ref EntryEvents events)
        {
            IsWindowSeen |= _asks && events.CanTakeInterrupt;
            events.WaitsForWindow = _asks && !IsWindowSeen;
            return _asks;
        }

        public void EndOfInterrupt(byte vector)
        {
        }
    }
}

/// <summary>What <see cref="UserModeProbe"/> found.</summary>
/// <param name="DeadlinePassedOn">A guest's write of IA32_TSC_DEADLINE reaches the machine.</param>
/// <param name="CounterMoves">RDTSC follows what the counter is set to.</param>
/// <param name="WindowsSeen">It tells of a window for interrupts that is open for one instruction.</param>
internal readonly record struct UserModeFindings(bool DeadlinePassedOn, bool CounterMoves, bool WindowsSeen);
