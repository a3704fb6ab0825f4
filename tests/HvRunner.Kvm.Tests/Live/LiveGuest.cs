using System.Runtime.ExceptionServices;
using HvRunner.Abstractions;

namespace HvRunner.Kvm.Tests.Live;

/// <summary>
/// A few bytes of flat 32-bit code on a real partition, set up through the contracts alone: 1 MiB of RAM, code at <see cref="Code"/>, a stack, and
/// for those that want them a GDT with an IDT, or long mode with an identity map of 4 GiB.
/// </summary>
internal sealed class LiveGuest : IDisposable
{
    internal const uint Code = 0x1000;
    internal const uint Stack = 0x9000;

    /// <summary>An address that neither RAM nor KVM's own devices answer.</summary>
    internal const uint Device = 0xd000_0000;

    private const uint Gdt = 0x4000;
    private const uint Idt = 0x5000;
    private const uint PageTables = 0x1_0000;
    private const ushort CodeSelector = 8;
    private const ushort DataSelector = 16;

    private readonly KvmHypervisor _hypervisor = KvmHypervisor.Open();

    internal LiveGuest(byte[] code, int vcpus = 1, IrqchipMode irqchip = IrqchipMode.Kernel)
    {
        Memory = _hypervisor.AllocateMemory([new GuestRange(new GuestAddress(0), 1 << 20)]);
        Partition = _hypervisor.CreatePartition(new PartitionConfig
        {
            VcpuCount = vcpus,
            Irqchip = irqchip,
            Memory = Memory,
            CpuidOf = _ => _hypervisor.GetSupportedCpuid(irqchip),
        });
        Put(Code, code);
        EnterFlat();
    }

    internal static TimeSpan Limit { get; } = TimeSpan.FromSeconds(20);

    internal IBackingMemory Memory { get; }

    internal IPartition Partition { get; }

    internal IVcpu Vcpu => Partition.Vcpus[0];

    /// <summary>A guest whose local APICs are not KVM's.</summary>
    internal static LiveGuest OfUserMode(byte[] code, int vcpus = 1) => new(code, vcpus, IrqchipMode.User);

    public void Dispose()
    {
        Partition.Dispose();
        Memory.Dispose();
        _hypervisor.Dispose();
    }

    internal void Put(uint address, params byte[] bytes) => Assert.True(Memory.TryWrite(new GuestAddress(address), bytes));

    internal byte[] Get(uint address, int length)
    {
        var bytes = new byte[length];
        Assert.True(Memory.TryRead(new GuestAddress(address), bytes));
        return bytes;
    }

    /// <summary>Registers as they stand, general and system.</summary>
    internal ProcessorState State(int vcpu = 0)
    {
        var state = new ProcessorState();
        Partition.Vcpus[vcpu].GetState(state, StateParts.General | StateParts.System);
        return state;
    }

    /// <summary>Sets registers on top of what the guest starts with.</summary>
    internal void Set(Action<ProcessorState> change)
    {
        var state = State();
        change(state);
        Vcpu.SetState(state, StateParts.General | StateParts.System);
    }

    /// <summary>Gives the guest an interrupt descriptor table with one gate; other exceptions end in a triple fault.</summary>
    internal void SetGate(int vector, uint handler)
    {
        Put(
            Idt + (uint)(vector * 8),
            (byte)handler, (byte)(handler >> 8), (byte)CodeSelector, 0, 0, 0x8e, (byte)(handler >> 16), (byte)(handler >> 24));
        Set(state => state.Idtr = new DescriptorTableRegister(Idt, (256 * 8) - 1));
    }

    /// <summary>Switches to 64-bit code with 4 GiB mapped one to one in pages of 2 MiB.</summary>
    internal void EnterLongMode()
    {
        const ulong PresentWritable = 3;
        void Entry(uint table, int index, ulong value) => Assert.True(Memory.TryWriteUInt64(new GuestAddress(table + (uint)(index * 8)), value));
        Entry(PageTables, 0, (PageTables + 0x1000) | PresentWritable);
        for (var gigabyte = 0; gigabyte < 4; gigabyte++)
        {
            var directory = PageTables + 0x2000 + (uint)(gigabyte * 0x1000);
            Entry(PageTables + 0x1000, gigabyte, directory | PresentWritable);
            for (var i = 0; i < 512; i++)
            {
                Entry(directory, i, ((ulong)((gigabyte * 512) + i) << 21) | 0x80 | PresentWritable);
            }
        }

        Set(state =>
        {
            state.Cr3 = PageTables;
            state.Cr4 |= 1 << 5;
            state.Cr0 |= 1UL << 31;
            state.Efer |= (1 << 8) | (1 << 10);
            state[SegmentName.Cs] = SegmentRegister.FlatCode32(CodeSelector) with { Attributes = 0xa09b };
        });
    }

    /// <summary>Runs a vCPU, the first one, on a thread of its own until it ends by itself; a guest that does not is stopped, and that is a failure.</summary>
    internal VcpuExit Run(IExitHandler handler, int vcpu = 0) => OnThread(() => Partition.Vcpus[vcpu].Run(handler));

    /// <summary>As <see cref="Run"/>, for a guest that ends because the handler stops it.</summary>
    internal void RunUntilStopped(IExitHandler handler, int vcpu = 0) => Assert.Equal(new VcpuExit(VcpuExitKind.Stopped), Run(handler, vcpu));

    /// <summary>Does something on a thread of its own under the watchdog; what is thrown there is thrown here.</summary>
    internal T OnThread<T>(Func<T> action)
    {
        T result = default!;
        ExceptionDispatchInfo? thrown = null;
        var thread = new Thread(() =>
        {
            try
            {
                result = action();
            }
            catch (Exception exception)
            {
                thrown = ExceptionDispatchInfo.Capture(exception);
            }
        });
        thread.Start();
        Join(thread);
        thrown?.Throw();
        return result;
    }

    /// <summary>Waits for a vCPU's thread. The watchdog: beyond the limit every vCPU is stopped and the test fails.</summary>
    internal void Join(Thread thread)
    {
        if (thread.Join(Limit))
        {
            return;
        }

        foreach (var vcpu in Partition.Vcpus)
        {
            vcpu.RequestStop();
        }

        var stopped = thread.Join(TimeSpan.FromSeconds(5));
        Assert.Fail($"the guest did not end within {Limit.TotalSeconds} s; it {(stopped ? $"stopped at 0x{State().Rip:x} when it was told to" : "could not be stopped either")}");
    }

    private void EnterFlat()
    {
        Put(Gdt, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0x9b, 0xcf, 0, 0xff, 0xff, 0, 0, 0, 0x93, 0xcf, 0);
        Set(state =>
        {
            state.Cr0 = 0x31;
            state[SegmentName.Cs] = SegmentRegister.FlatCode32(CodeSelector);
            foreach (var name in new[] { SegmentName.Ds, SegmentName.Es, SegmentName.Ss, SegmentName.Fs, SegmentName.Gs })
            {
                state[name] = SegmentRegister.FlatData32(DataSelector);
            }

            state[SegmentName.Tr] = SegmentRegister.BusyTss32(0, 0);
            state.Gdtr = new DescriptorTableRegister(Gdt, 23);
            state.Idtr = new DescriptorTableRegister(0, 0);
            state.Rip = Code;
            state.Rflags = 2;
            state[GeneralRegister.Rsp] = Stack;
        });
    }
}
