using HvRunner.Abstractions;
using HvRunner.Kvm;
using static HvRunner.Hardware.Tests.Guest.GuestLayout;

namespace HvRunner.Hardware.Tests.Guest;

/// <summary>
/// The real processor: a partition on /dev/kvm whose one vCPU never leaves its run between batches. The guest's exit hands the batch over to the
/// test's thread and waits for the next one, because stopping a vCPU is for good.
/// </summary>
internal sealed class KvmProcessor : IRealProcessor
{
    private static readonly TimeSpan BatchLimit = TimeSpan.FromSeconds(20);

    private readonly KvmHypervisor _hypervisor = KvmHypervisor.Open();
    private readonly IBackingMemory _memory;
    private readonly IPartition _partition;
    private readonly SemaphoreSlim _ready = new(0);
    private readonly SemaphoreSlim _finished = new(0);
    private readonly Thread _thread;
    private string? _end;
    private volatile bool _stopping;

    public KvmProcessor()
    {
        _memory = _hypervisor.AllocateMemory([new GuestRange(new GuestAddress(0), RamBytes)]);
        _partition = _hypervisor.CreatePartition(new PartitionConfig
        {
            VcpuCount = 1,
            Irqchip = IrqchipMode.Kernel,
            Memory = _memory,
            CpuidOf = _ => _hypervisor.GetSupportedCpuid(IrqchipMode.Kernel),
        });
        Assert.True(_memory.TryWrite(new GuestAddress(0), GuestSetup.Ram()));
        var state = new ProcessorState();
        _partition.Vcpus[0].GetState(state, StateParts.General | StateParts.System);
        GuestSetup.Registers(state);
        _partition.Vcpus[0].SetState(state, StateParts.General | StateParts.System | StateParts.Extended);
        _thread = new Thread(() =>
        {
            var exit = _partition.Vcpus[0].Run(new Handler(this));
            _end = $"the guest ended: {exit.Kind} {exit.Sentence}";
            _finished.Release();
        });
        _thread.Start();
        Wait();
    }

    public string Name => "kvm";

    public bool IsWholeMachine => true;

    public ReadOnlySpan<byte> Ram
    {
        get
        {
            Assert.True(_memory.TryGetReadOnlySpan(new GuestAddress(0), RamBytes, out var ram));
            return ram;
        }
    }

    public void Write(int address, ReadOnlySpan<byte> bytes) => Assert.True(_memory.TryWrite(new GuestAddress((ulong)address), bytes));

    public bool Run(int first, int count)
    {
        var start = Blocks + (ulong)(first * BlockBytes);
        Assert.True(_memory.TryWriteUInt64(new GuestAddress(CellsPhysical), start - BlockBytes));
        Assert.True(_memory.TryWriteUInt64(new GuestAddress(CellsPhysical + 8), start + (ulong)(count * BlockBytes)));
        _ready.Release();
        Wait();
        return true;
    }

    public void Dispose()
    {
        _stopping = true;
        _partition.Vcpus[0].RequestStop();
        _ready.Release();
        _thread.Join();
        _partition.Dispose();
        _memory.Dispose();
        _hypervisor.Dispose();
        _ready.Dispose();
        _finished.Dispose();
    }

    private void Wait()
    {
        if (!_finished.Wait(BatchLimit))
        {
            _partition.Vcpus[0].RequestStop();
            _finished.Wait();
        }

        if (_end is null)
        {
            return;
        }

        var state = new ProcessorState();
        _partition.Vcpus[0].GetState(state, StateParts.General | StateParts.System);
        _memory.TryReadUInt64(new GuestAddress(CellsPhysical), out var cursor);
        throw new InvalidOperationException(
            $"{_end}; RIP {state.Rip:x}, CS {state[SegmentName.Cs].Selector:x}, RSP {state[GeneralRegister.Rsp]:x}, CR2 {state.Cr2:x}, block {(long)(cursor - Blocks) / BlockBytes}");
    }

    private sealed class Handler(KvmProcessor owner) : IExitHandler
    {
        public ulong TaskPriority { get; set; }

        public void EndOfInterrupt(byte vector) => throw new InvalidOperationException("KVM holds the interrupt controllers");

        public bool BeforeEntry(ref EntryEvents events) => false;

        public void PortRead(ushort port, int elementSize, Span<byte> data) => Refuse();

        public void PortWrite(ushort port, int elementSize, ReadOnlySpan<byte> data) => Refuse();

        public void MmioRead(GuestAddress address, Span<byte> data) => Refuse();

        public void MmioWrite(GuestAddress address, ReadOnlySpan<byte> data)
        {
            owner._finished.Release();
            owner._ready.Wait();
        }

        public bool MsrRead(uint index, out ulong value)
        {
            value = 0;
            return false;
        }

        public bool MsrWrite(uint index, ulong value) => false;

        public ulong Hypercall(ulong number, ReadOnlySpan<ulong> arguments, bool longMode) => 0;

        public void InstructionCompleted(ulong rip, ReadOnlySpan<byte> instruction)
        {
        }

        public void Kicked()
        {
        }

        private void Refuse()
        {
            if (!owner._stopping)
            {
                owner._partition.Vcpus[0].RequestStop();
            }
        }
    }
}
