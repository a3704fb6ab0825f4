using System.Diagnostics;
using HvRunner.Abstractions;

namespace HvRunner.Machine;

/// <summary>
/// Measures what the guest did in the last second, by looking at the vCPUs' counters from time to time and remembering a good second of that in a ring. What the counters
/// showed a second ago lies between two of those looks and is taken from the straight line between them. Nothing allocates. Any thread; time stamps are Stopwatch's.
/// </summary>
internal sealed class ProgressMeter
{
    private static readonly int Capacity = (int)(TimeSpan.FromSeconds(1) / HaltMonitor.Interval) + 8;

    private readonly IReadOnlyList<IVcpu> _vcpus;
    private readonly bool _countsInstructions;
    private readonly Lock _gate = new();
    private readonly Look[] _ring = new Look[Capacity];
    private long _start;
    private int _count;

    internal ProgressMeter(IReadOnlyList<IVcpu> vcpus)
    {
        _vcpus = vcpus;
        _countsInstructions = vcpus.All(vcpu => vcpu is IVcpuInstructionCount);
    }

    /// <summary>The guest is about to be entered.</summary>
    internal void Start(long timestamp)
    {
        lock (_gate)
        {
            _start = timestamp;
            Add(new Look(timestamp, 0, 0));
        }
    }

    /// <summary>One look; called every <see cref="HaltMonitor.Interval"/> or later, with ascending time stamps.</summary>
    internal void Sample(long timestamp)
    {
        lock (_gate)
        {
            Add(LookAt(timestamp));
        }
    }

    /// <summary>What was done in the second before <paramref name="timestamp"/>, which is now, or a moment in which the vCPUs stopped.</summary>
    internal GuestProgress LastSecond(long timestamp) => Read(timestamp).LastSecond;

    /// <summary>All that is known now.</summary>
    internal MachineProgress Read(long timestamp)
    {
        lock (_gate)
        {
            var now = LookAt(timestamp);
            if (_count == 0)
            {
                return new MachineProgress(TimeSpan.Zero, Between(default, now), Between(default, now));
            }

            return new MachineProgress(
                Stopwatch.GetElapsedTime(_start, timestamp), Between(default, now), Between(At(timestamp - Stopwatch.Frequency, now), now));
        }
    }

    private void Add(in Look look) => _ring[_count++ % Capacity] = look;

    private Look LookAt(long timestamp)
    {
        long exits = 0;
        long instructions = 0;
        for (var i = 0; i < _vcpus.Count; i++)
        {
            exits += _vcpus[i].Counts.OfGuest;
            instructions += _countsInstructions ? ((IVcpuInstructionCount)_vcpus[i]).InstructionsRetired : 0;
        }

        return new Look(timestamp, exits, instructions);
    }

    private GuestProgress Between(in Look from, in Look to) =>
        new(Math.Max(0, to.Exits - from.Exits), _countsInstructions ? Math.Max(0, to.Instructions - from.Instructions) : null);

    /// <summary>What the counters showed at some moment; at the oldest look where that is later.</summary>
    private Look At(long timestamp, Look later)
    {
        for (var i = _count - 1; i >= Math.Max(0, _count - Capacity); i--)
        {
            var look = _ring[i % Capacity];
            if (look.Timestamp <= timestamp)
            {
                var part = later.Timestamp <= look.Timestamp ? 0 : (double)(timestamp - look.Timestamp) / (later.Timestamp - look.Timestamp);
                return new Look(timestamp, Along(look.Exits, later.Exits, part), Along(look.Instructions, later.Instructions, part));
            }

            later = look;
        }

        return later;
    }

    private static long Along(long from, long to, double part) => from + (long)((to - from) * part);

    private readonly record struct Look(long Timestamp, long Exits, long Instructions);
}
