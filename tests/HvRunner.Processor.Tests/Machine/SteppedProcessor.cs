using HvRunner.Abstractions;

namespace HvRunner.Instructions.ProcessorTests;

/// <summary>
/// The other way to run a program: one instruction after the other through the executor, with no translation buffer and no translated code.
/// </summary>
internal sealed class SteppedProcessor
{
    private const int RecentCount = 512;

    private readonly InstructionExecutor<PlainMemory, ProcessorHost> _executor =
        new(ExecutorOptions.DebugChecks | ExecutorOptions.FeatureGating);

    private readonly ulong[] _recent = new ulong[RecentCount];
    private readonly bool[] _faulted = new bool[RecentCount];
    private PlainMemory _memory;
    private ProcessorHost _host;

    public SteppedProcessor(IGuestMemory ram, Surroundings around)
    {
        _memory = new PlainMemory(ram, around);
        _host = new ProcessorHost(around);
    }

    public ProcessorState State { get; } = new();

    public long Steps { get; private set; }

    /// <summary>A triple fault, or something that is not implemented.</summary>
    public bool IsDead { get; private set; }

    public void Step()
    {
        var rip = State.Rip;
        var completion = _executor.Step(State, ref _memory, ref _host);
        _recent[Steps++ % RecentCount] = rip;
        _faulted[(Steps - 1) % RecentCount] = completion.Kind != CompletionKind.Completed;
        if (completion.Kind != CompletionKind.Completed || completion.DebugCause != 0)
        {
            IsDead |= completion.Kind == CompletionKind.Unsupported ||
                _executor.DeliverException(State, ref _memory, ref _host, completion).Kind is CompletionKind.Unsupported or CompletionKind.Shutdown;
        }
    }

    /// <summary>Fetches at RIP without executing, which marks the page as accessed; a processor may do so early.</summary>
    public void Prefetch() => _ = _executor.TryWalk(State, ref _memory, ref _host, State.Rip, Access.Fetch, out _, out _);

    public void Interrupt(byte vector) =>
        IsDead |= _executor.DeliverInterrupt(State, ref _memory, ref _host, vector).Kind is CompletionKind.Unsupported or CompletionKind.Shutdown;

    /// <summary>Where the instruction stood that was executed so many steps ago.</summary>
    public ulong Recent(int ago) => _recent[(Steps - 1 - ago) % RecentCount];

    /// <summary>That instruction raised a fault, so it did nothing.</summary>
    public bool HasFaulted(int ago) => _faulted[(Steps - 1 - ago) % RecentCount];

    public int RecentSteps => (int)Math.Min(Steps, RecentCount);
}

/// <summary>RAM and devices, with nothing between.</summary>
internal readonly struct PlainMemory(IGuestMemory ram, Surroundings around) : IPhysicalMemory
{
    public bool TryRead(ulong physicalAddress, Span<byte> data)
    {
        if (!ram.TryRead(new GuestAddress(physicalAddress), data))
        {
            around.ReadMemory(physicalAddress, data);
        }

        return true;
    }

    public bool TryWrite(ulong physicalAddress, ReadOnlySpan<byte> data)
    {
        if (!ram.TryWrite(new GuestAddress(physicalAddress), data))
        {
            around.WriteMemory(physicalAddress, data);
        }

        return true;
    }

    public bool TryCompareExchange(ulong physicalAddress, int size, ulong expected, ulong desired, out ulong observed) =>
        ram.TryCompareExchange(new GuestAddress(physicalAddress), size, expected, desired, out observed);

    public bool TryCompareExchange(ulong physicalAddress, UInt128 expected, UInt128 desired, out UInt128 observed) =>
        ram.TryCompareExchange(new GuestAddress(physicalAddress), expected, desired, out observed);
}
