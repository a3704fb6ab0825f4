// The clock that KVM gives its guests (kvm-clock), for hypervisors that have none of their own: a structure in guest memory for each vCPU says which
// nanosecond of the machine one count of the vCPU's time-stamp counter was and how fast the counter runs, so a guest knows the counter's frequency without
// measuring it and reads time without an exit. Beside it the wall clock at the machine's start, and the time that a vCPU would have run and could not
// (steal time). Interface: Linux, Documentation/virt/kvm/x86/msr.rst and cpuid.rst, pvclock-abi.h, kvm_para.h.
//
// Because the counter's rate never changes a structure is written when the guest asks for it, when it sets its counter, and after a pause, not at every entry. Deliberately
// absent: asynchronous page faults, end of interrupt by memory, hypercalls, and "preempted" in the steal-time structure, which stays 0 (running or not known).

using System.Buffers.Binary;
using System.Diagnostics;
using HvRunner.Abstractions;
using HvRunner.Chipset.Apic;
using static HvRunner.Chipset.Paravirtual.PvClockMsrs;

namespace HvRunner.Chipset.Paravirtual;

/// <summary>The clock of one machine. A vCPU's MSR accesses come from its own thread; an address that is not RAM takes the write and gives the guest nothing.</summary>
public sealed class PvClock : IStateful
{
    private const string Name = "kvm-clock";
    private const byte StateVersion = 1;
    private const long NsPerSecond = 1_000_000_000;
    private const int TimeBytes = 32;
    private const int FlagsOffset = 29;
    private const byte TscStable = 1;
    private const byte GuestStopped = 2;
    private const int WallClockBytes = 12;
    private const int StealVersionOffset = 8;

    // Configuration.
    private readonly PvClockRate _rate;
    private readonly DateTimeOffset _start;
    private readonly long _startNs;

    // Wiring.
    private readonly IGuestMemory _memory;
    private readonly IReadOnlyList<IGuestTsc> _counters;
    private readonly Lock _lock = new();

    // Volatile state.
    private readonly ulong[] _systemTime;
    private readonly ulong[] _stealTime;
    private readonly long[] _stolenNs;
    private ulong _wallClock;

    /// <summary>Makes the clock; its zero is now.</summary>
    /// <param name="memory">Guest RAM.</param>
    /// <param name="timers">Guest time.</param>
    /// <param name="wallClock">The wall clock, which advances with <paramref name="timers"/>; read once.</param>
    /// <param name="counters">Each vCPU's time-stamp counter.</param>
    /// <param name="frequencyHz">Counts a second of all of them.</param>
    public PvClock(IGuestMemory memory, ITimerQueue timers, TimeProvider wallClock, IReadOnlyList<IGuestTsc> counters, long frequencyHz)
    {
        ArgumentNullException.ThrowIfNull(timers);
        ArgumentNullException.ThrowIfNull(wallClock);
        _memory = memory;
        _counters = counters;
        _rate = new PvClockRate(frequencyHz);
        _start = wallClock.GetUtcNow();
        _startNs = timers.NowNs;
        _systemTime = new ulong[counters.Count];
        _stealTime = new ulong[counters.Count];
        _stolenNs = new long[counters.Count];
    }

    /// <summary>Null: not one of the clock's registers.</summary>
    public bool? TryReadMsr(int vcpu, uint index, out ulong value)
    {
        lock (_lock)
        {
            value = index switch
            {
                WallClock or OldWallClock => _wallClock,
                SystemTime or OldSystemTime => _systemTime[vcpu],
                StealTime => _stealTime[vcpu],
                _ => 0,
            };
        }

        return index is WallClock or OldWallClock or SystemTime or OldSystemTime or StealTime ? true : null;
    }

    /// <summary>Null: not one of the clock's registers. False: #GP.</summary>
    public bool? TryWriteMsr(int vcpu, uint index, ulong value)
    {
        lock (_lock)
        {
            switch (index)
            {
                case WallClock or OldWallClock:
                    _wallClock = value;
                    WriteWallClock();
                    return true;
                case SystemTime or OldSystemTime:
                    _systemTime[vcpu] = value;
                    WriteTime(vcpu, AreAlike(), stopped: false);
                    return true;
                case StealTime when (value & StealTimeReserved) != 0:
                    return false;
                case StealTime:
                    _stealTime[vcpu] = value;
                    WriteStealTime(vcpu);
                    return true;
                default:
                    return null;
            }
        }
    }

    /// <summary>A vCPU's counter was set. On that vCPU's thread.</summary>
    public void TscChanged()
    {
        lock (_lock)
        {
            // Whether all are alike stands in each one's structure.
            var alike = AreAlike();
            for (var i = 0; i < _systemTime.Length; i++)
            {
                WriteTime(i, alike, stopped: false);
            }
        }
    }

    /// <summary>The vCPU was held out of the guest while time went on; the guest finds that so and clears it. On the vCPU's thread.</summary>
    public void NotePause(int vcpu)
    {
        lock (_lock)
        {
            WriteTime(vcpu, AreAlike(), stopped: true);
        }
    }

    /// <summary>How long in all the vCPU would have run and could not. On its own thread, before it enters the guest; writes only what is new.</summary>
    /// <param name="vcpu">The vCPU's index.</param>
    /// <param name="stolenNs">Nanoseconds since the machine's start; never less than before.</param>
    public void SetStolen(int vcpu, long stolenNs)
    {
        if (_stolenNs[vcpu] == stolenNs)
        {
            return;
        }

        lock (_lock)
        {
            _stolenNs[vcpu] = stolenNs;
            WriteStealTime(vcpu);
        }
    }

    /// <inheritdoc/>
    public void Reset()
    {
        lock (_lock)
        {
            Array.Clear(_systemTime);
            Array.Clear(_stealTime);
            _wallClock = 0;
        }
    }

    /// <inheritdoc/>
    public void Save(StateWriter writer)
    {
        ArgumentNullException.ThrowIfNull(writer);
        writer.Begin(Name, StateVersion);
        writer.UInt64(_wallClock);
        for (var i = 0; i < _systemTime.Length; i++)
        {
            writer.UInt64(_systemTime[i]);
            writer.UInt64(_stealTime[i]);
        }
    }

    /// <inheritdoc/>
    public void Load(StateReader reader)
    {
        ArgumentNullException.ThrowIfNull(reader);
        reader.Begin(Name, StateVersion);
        lock (_lock)
        {
            _wallClock = reader.UInt64();
            for (var i = 0; i < _systemTime.Length; i++)
            {
                _systemTime[i] = reader.UInt64();
                _stealTime[i] = reader.UInt64();
                if ((_stealTime[i] & StealTimeReserved) != 0)
                {
                    throw new StateFormatException($"saved state of '{Name}' holds the steal-time register 0x{_stealTime[i]:x}, which no guest can set");
                }
            }
        }

        TscChanged();
    }

    /// <summary>
    /// Which count a counter has at which nanosecond. Asked a second ahead, for the moment of a count that has passed is answered by the present one.
    /// </summary>
    private (ulong Count, long Ns) PairOf(IGuestTsc counter)
    {
        var ahead = unchecked(counter.Now + (ulong)_rate.FrequencyHz);
        var ns = counter.DeadlineNs(ahead);
        return (unchecked(ahead - (ulong)_rate.FrequencyHz), ns == long.MaxValue ? _startNs : ns - NsPerSecond - _startNs);
    }

    /// <summary>Whether any vCPU's structure serves all of them: at one moment their counters differ by a rounding error at most.</summary>
    private bool AreAlike()
    {
        var (count, ns) = PairOf(_counters[0]);
        var tolerance = (_rate.FrequencyHz / NsPerSecond) + 1;
        for (var i = 1; i < _counters.Count; i++)
        {
            var (otherCount, otherNs) = PairOf(_counters[i]);
            var expected = unchecked(count + (ulong)(long)((Int128)(otherNs - ns) * _rate.FrequencyHz / NsPerSecond));
            var difference = unchecked((long)(otherCount - expected));
            if (difference > tolerance || difference < -tolerance)
            {
                return false;
            }
        }

        return true;
    }

    private void WriteTime(int vcpu, bool alike, bool stopped)
    {
        var register = _systemTime[vcpu];
        var address = new GuestAddress(register & ~Enable);
        Span<byte> time = stackalloc byte[TimeBytes];
        if ((register & Enable) == 0 || !_memory.TryRead(address, time))
        {
            return;
        }

        // The guest clears the flag when it has seen it.
        var flags = (byte)((time[FlagsOffset] & GuestStopped) | (stopped ? GuestStopped : 0) | (alike ? TscStable : 0));
        var version = BeginUpdate(address, time);
        var (count, ns) = PairOf(_counters[vcpu]);
        time.Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(time, version);
        BinaryPrimitives.WriteUInt64LittleEndian(time[8..], count);
        BinaryPrimitives.WriteInt64LittleEndian(time[16..], ns);
        BinaryPrimitives.WriteUInt32LittleEndian(time[24..], _rate.Multiplier);
        time[28] = unchecked((byte)_rate.Shift);
        time[FlagsOffset] = flags;
        EndUpdate(address, time, version);
    }

    /// <summary>The wall clock at the machine's zero: what is now is that and the system time.</summary>
    private void WriteWallClock()
    {
        var address = new GuestAddress(_wallClock);
        Span<byte> wall = stackalloc byte[WallClockBytes];
        if (_wallClock == 0 || !_memory.TryRead(address, wall))
        {
            return;
        }

        var version = BeginUpdate(address, wall);
        var sinceEpoch = _start - DateTimeOffset.UnixEpoch;
        var seconds = Math.Max(0, sinceEpoch.Ticks / TimeSpan.TicksPerSecond);
        BinaryPrimitives.WriteUInt32LittleEndian(wall, version);
        BinaryPrimitives.WriteUInt32LittleEndian(wall[4..], unchecked((uint)seconds));
        BinaryPrimitives.WriteUInt32LittleEndian(wall[8..], (uint)(Math.Max(0, sinceEpoch.Ticks % TimeSpan.TicksPerSecond) * 100));
        EndUpdate(address, wall, version);
    }

    private void WriteStealTime(int vcpu)
    {
        var register = _stealTime[vcpu];
        var address = new GuestAddress(register & ~(Enable | StealTimeReserved));
        Span<byte> steal = stackalloc byte[StealVersionOffset + sizeof(uint)];
        if ((register & Enable) == 0 || !_memory.TryRead(address, steal))
        {
            return;
        }

        var versionAddress = address + StealVersionOffset;
        var version = BeginUpdate(versionAddress, steal[StealVersionOffset..]);
        BinaryPrimitives.WriteInt64LittleEndian(steal, _stolenNs[vcpu]);
        _ = _memory.TryWrite(address, steal[..StealVersionOffset]);
        BinaryPrimitives.WriteUInt32LittleEndian(steal[StealVersionOffset..], version);
        EndUpdate(versionAddress, steal[StealVersionOffset..], version);
    }

    /// <summary>Makes the version at the start of a structure odd, by which another vCPU that reads it knows that it is being written. The odd version.</summary>
    private uint BeginUpdate(GuestAddress address, ReadOnlySpan<byte> structure)
    {
        var version = unchecked((BinaryPrimitives.ReadUInt32LittleEndian(structure) | 1) + (BinaryPrimitives.ReadUInt32LittleEndian(structure) & 1) * 2);
        WriteVersion(address, version);
        Interlocked.MemoryBarrier();
        return version;
    }

    private void EndUpdate(GuestAddress address, ReadOnlySpan<byte> structure, uint version)
    {
        var written = _memory.TryWrite(address, structure);
        Debug.Assert(written, "it was read just now, and RAM does not go away");
        Interlocked.MemoryBarrier();
        WriteVersion(address, unchecked(version + 1));
    }

    private void WriteVersion(GuestAddress address, uint version)
    {
        Span<byte> bytes = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, version);
        _ = _memory.TryWrite(address, bytes);
    }
}
