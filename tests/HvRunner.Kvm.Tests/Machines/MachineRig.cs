using HvRunner.Abstractions;
using HvRunner.Boot;
using HvRunner.Boot.Pvh;
using HvRunner.Chipset.Serial;
using HvRunner.Host;
using HvRunner.Machine;
using HvRunner.Machine.Verdicts;
using HvRunner.Soft;

namespace HvRunner.Kvm.Tests.Machines;

/// <summary>A whole machine with a kernel of a few bytes, and its run on a thread of its own.</summary>
internal sealed class MachineRig : IDisposable
{
    private readonly IHypervisor _hypervisor;
    private readonly TimerFdQueue? _timers;
    private Thread? _thread;
    private RunOutcome? _outcome;

    internal MachineRig(Backend backend, byte[] kernel, int vcpus = 1, TimeSpan? timeout = null, ulong memoryBytes = MachineLayout.MinMemoryBytes, bool acpi = false)
    {
        Clock = backend == Backend.SoftVirtual ? new VirtualClock() : null;
        _hypervisor = backend.IsKvm() ? KvmHypervisor.Open() : new SoftHypervisor(Clock);
        _timers = Clock is null ? new TimerFdQueue() : null;
        Machine = MachineBuilder.Build(_hypervisor, new MachineConfig
        {
            MemoryBytes = memoryBytes,
            VcpuCount = vcpus,
            Irqchip = backend.Irqchip(),
            Acpi = acpi,
            Kernel = PvhKernel.Parse(new MemoryImageSource("tiny", kernel)),
            ConsoleOutput = Console,
            ConsoleInput = new NoSerialInput(),
            ReleaseOutput = () => OnReleaseOutput(),
            Timers = Clock?.Timers ?? _timers!,
            Timeout = timeout,
        });
    }

    internal static TimeSpan Limit { get; } = TimeSpan.FromSeconds(20);

    internal VirtualClock? Clock { get; }

    internal Machine.Machine Machine { get; }

    internal Listener Console { get; } = new();

    internal Action OnReleaseOutput { get; set; } = () => { };

    /// <summary>Ends what is still running, and gives everything back.</summary>
    public void Dispose()
    {
        if (_thread is { IsAlive: true })
        {
            Machine.Interrupt("the test is over");
            Assert.True(_thread.Join(Limit), "the machine cannot be ended");
        }

        _timers?.Dispose();
        Machine.Dispose();
        _hypervisor.Dispose();
    }

    internal void Start()
    {
        _thread = new Thread(() => _outcome = Machine.Run()) { Name = "machine" };
        _thread.Start();
    }

    /// <summary>Starts it and waits until the guest has written something.</summary>
    internal void StartAndHear()
    {
        Start();
        Console.AwaitBytes(1);
    }

    internal RunOutcome End()
    {
        Assert.True(_thread!.Join(Limit), $"the run has not ended; its verdict is {Machine.Verdict?.Name ?? "open"}");
        return _outcome ?? throw new InvalidOperationException("the run has thrown");
    }

    internal Verdict EndedWith(VerdictKind kind)
    {
        var verdict = End().Verdict;
        Assert.True(verdict.Kind == kind, $"{Verdict.NameOf(kind)} was expected, found {verdict.Name}: {verdict.Sentence}");
        return verdict;
    }

    /// <summary>The guest's console: counts, and calls the test on the vCPU's thread.</summary>
    internal sealed class Listener : ISerialOutput
    {
        private int _bytes;

        internal int Bytes => Volatile.Read(ref _bytes);

        internal Action OnByte { get; set; } = () => { };

        public void Write(ReadOnlySpan<byte> data)
        {
            Interlocked.Add(ref _bytes, data.Length);
            OnByte();
        }

        internal void AwaitBytes(int count) => Assert.True(SpinWait.SpinUntil(() => Bytes >= count, Limit), $"{count} bytes were expected from the guest, {Bytes} came");
    }
}
