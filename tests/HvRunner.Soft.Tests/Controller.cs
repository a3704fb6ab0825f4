using System.Collections.Concurrent;
using HvRunner.Abstractions;

namespace HvRunner.Soft.Tests;

internal delegate void PortReader(ushort port, Span<byte> data);

/// <summary>A machine around one vCPU: devices as the test says, and an interrupt controller that is a queue of vectors and a count of NMIs.</summary>
internal sealed class Controller : IExitHandler
{
    private int _nonMaskable;

    internal ConcurrentQueue<byte> Vectors { get; } = new();

    /// <summary>Start-up IPIs that are on their way, by vector.</summary>
    internal ConcurrentQueue<int> StartUps { get; } = new();

    /// <summary>An INIT is on its way.</summary>
    internal volatile bool Init;

    internal PortReader OnIn { get; set; } = (_, data) => data.Fill(0xff);

    internal Action<ushort, byte> OnOut { get; set; } = (_, _) => { };

    internal Action<ulong, byte> OnMmioWrite { get; set; } = (_, _) => { };

    internal Action OnKicked { get; set; } = () => { };

    /// <summary>Numbers of the MSRs that were passed on.</summary>
    internal List<uint> Msrs { get; } = [];

    internal bool TakesMsrs { get; init; }

    internal int Kicks;

    internal Action<ulong> OnTaskPriority { get; set; } = _ => { };

    internal Action OnMsrWrite { get; set; } = () => { };

    public ulong TaskPriority
    {
        get;
        set
        {
            field = value;
            OnTaskPriority(value);
        }
    }

    public void EndOfInterrupt(byte vector) => throw new InvalidOperationException("the machine holds the local APICs");

    internal void RaiseNonMaskable() => Interlocked.Increment(ref _nonMaskable);

    public bool BeforeEntry(ref EntryEvents events)
    {
        events.Init = Init;
        Init = false;
        if (StartUps.TryDequeue(out var start))
        {
            events.StartupVector = start;
        }

        if (events.CanTakeNonMaskable && Volatile.Read(ref _nonMaskable) != 0)
        {
            Interlocked.Decrement(ref _nonMaskable);
            events.NonMaskable = true;
        }

        if (!events.NonMaskable && events.CanTakeInterrupt && Vectors.TryDequeue(out var vector))
        {
            events.Vector = vector;
        }

        events.WaitsForWindow = !Vectors.IsEmpty;
        return true;
    }

    public void PortRead(ushort port, int elementSize, Span<byte> data) => OnIn(port, data);

    public void PortWrite(ushort port, int elementSize, ReadOnlySpan<byte> data) => OnOut(port, data[0]);

    public void MmioRead(GuestAddress address, Span<byte> data) => data.Fill(0xff);

    public void MmioWrite(GuestAddress address, ReadOnlySpan<byte> data) => OnMmioWrite(address.Value, data[0]);

    public bool MsrRead(uint index, out ulong value)
    {
        Msrs.Add(index);
        value = 0x1234;
        return TakesMsrs;
    }

    public bool MsrWrite(uint index, ulong value)
    {
        Msrs.Add(index);
        OnMsrWrite();
        return TakesMsrs;
    }

    public ulong Hypercall(ulong number, ReadOnlySpan<ulong> arguments, bool longMode) => 0;

    public void InstructionCompleted(ulong rip, ReadOnlySpan<byte> instruction)
    {
    }

    public void Kicked()
    {
        Interlocked.Increment(ref Kicks);
        OnKicked();
    }
}
