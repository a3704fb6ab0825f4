using HvRunner.Abstractions;

namespace HvRunner.Soft.Tests;

/// <summary>A few bytes of flat 32-bit code on the soft processor, set up through the contracts alone, with an IDT whose gates the test sets.</summary>
internal sealed class SoftGuest : IDisposable
{
    internal const uint Code = 0x1000;
    internal const uint Handler = 0x2000;
    internal const uint Device = 0xd000_0000;

    private const uint Gdt = 0x4000;
    private const uint Idt = 0x5000;
    private const uint Stack = 0x9000;
    private const ushort CodeSelector = 8;
    private const ushort DataSelector = 16;

    private readonly SoftHypervisor _hypervisor;

    internal SoftGuest(byte[] code, VirtualClock? clock = null, int vcpus = 1)
    {
        _hypervisor = new SoftHypervisor(clock);
        Memory = _hypervisor.AllocateMemory([new GuestRange(new GuestAddress(0), 1 << 20)]);
        Partition = _hypervisor.CreatePartition(new PartitionConfig
        {
            VcpuCount = vcpus,
            Irqchip = IrqchipMode.User,
            Memory = Memory,
            CpuidOf = _ => _hypervisor.GetSupportedCpuid(IrqchipMode.User),
        });
        Put(Code, code);
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
            state.Idtr = new DescriptorTableRegister(Idt, (256 * 8) - 1);
            state.Rip = Code;
            state.Rflags = 2;
            state[GeneralRegister.Rsp] = Stack;
        });
    }

    internal IBackingMemory Memory { get; }

    internal IPartition Partition { get; }

    internal IVcpu Vcpu => Partition.Vcpus[0];

    public void Dispose()
    {
        Partition.Dispose();
        Memory.Dispose();
        _hypervisor.Dispose();
    }

    internal void Put(uint address, params byte[] bytes) => Assert.True(Memory.TryWrite(new GuestAddress(address), bytes));

    /// <summary>Gives a vector a handler at <see cref="Handler"/> plus 16 for each vector, of these instructions.</summary>
    internal void SetGate(byte vector, params byte[] handler)
    {
        var at = Handler + (vector * 16u);
        Put(at, handler);
        Put(Idt + (vector * 8u), (byte)at, (byte)(at >> 8), (byte)CodeSelector, 0, 0, 0x8e, 0, 0);
    }

    internal ProcessorState State()
    {
        var state = new ProcessorState();
        Vcpu.GetState(state, StateParts.General | StateParts.System);
        return state;
    }

    internal void Set(Action<ProcessorState> change)
    {
        var state = State();
        change(state);
        Vcpu.SetState(state, StateParts.General | StateParts.System);
    }

    /// <summary>Runs the vCPU on a thread of its own; what it is doing meanwhile is the test's. A guest that does not end is stopped, and that is a failure.</summary>
    internal VcpuExit Run(Controller controller, Action? meanwhile = null)
    {
        VcpuExit exit = default;
        Exception? thrown = null;
        var thread = new Thread(() =>
        {
            try
            {
                exit = Vcpu.Run(controller);
            }
            catch (Exception exception)
            {
                thrown = exception;
            }
        });
        thread.Start();
        meanwhile?.Invoke();
        if (!thread.Join(TimeSpan.FromSeconds(10)))
        {
            Vcpu.RequestStop();
            Assert.True(thread.Join(TimeSpan.FromSeconds(5)), "the guest could not be stopped");
            Assert.Fail($"the guest did not end; it stood at 0x{State().Rip:x}");
        }

        Assert.Null(thrown);
        return exit;
    }
}
