using System.Buffers.Binary;
using HvRunner.Abstractions;
using HvRunner.Chipset.Apic;
using HvRunner.Chipset.Paravirtual;
using HvRunner.Fakes;

namespace HvRunner.Chipset.Tests.Paravirtual;

/// <summary>The rules of kvm-clock and steal time, each looked at as a guest does: by the structure in its memory and the formula of pvclock-abi.h.</summary>
public sealed class PvClockTests : IDisposable
{
    private const uint WallClock = 0x4b56_4d00;
    private const uint SystemTime = 0x4b56_4d01;
    private const uint StealTime = 0x4b56_4d03;
    private const ulong Structure = 0x2000;
    private const long Second = 1_000_000_000;

    private readonly FakeTimerQueue _queue = new();
    private readonly ArrayGuestMemory _memory = new(0x1_0000);

    public void Dispose() => _memory.Dispose();

    [Theory]
    [InlineData(1_000_000_000)]
    [InlineData(2_894_561_000)]
    [InlineData(999_999_937)]
    [InlineData(32_768)]
    [InlineData(10_000_000_000)]
    public void SystemTime_ByTheGuestsFormulaIsTheTimeOfTheMachine(long hz)
    {
        _queue.Advance(5 * Second);
        var counters = Counters(hz, 1);
        var clock = Clock(counters, hz);
        _queue.Advance(3 * Second);
        Assert.True(clock.TryWriteMsr(0, SystemTime, Structure | 1));
        _queue.Advance((1000 * Second) + 12_345);

        // A part in 2^31 over 1000 s, and a count of the counter.
        var tolerance = (1003 * Second >> 31) + (Second / hz) + 2;
        Assert.InRange(GuestNs(counters[0].Now) - (1003 * Second) - 12_345, -tolerance, tolerance);
    }

    [Theory]
    [InlineData(SystemTime, 0x12u)]
    [InlineData(WallClock, 0x11u)]
    public void Registers_OfOldAreThoseOfToday(uint today, uint old)
    {
        var clock = Clock(Counters(Second, 1), Second);
        Assert.True(clock.TryWriteMsr(0, old, Structure | 1));
        Assert.True(clock.TryReadMsr(0, today, out var value));
        Assert.Equal(Structure | 1, value);
        Assert.Equal(2u, Version(today == WallClock ? Structure | 1 : Structure));
    }

    [Fact]
    public void Registers_OthersAreNotTheClocks()
    {
        var clock = Clock(Counters(Second, 1), Second);
        Assert.Null(clock.TryReadMsr(0, 0x4b56_4d04, out _));
        Assert.Null(clock.TryWriteMsr(0, 0x4b56_4d02, 1));
    }

    [Fact]
    public void SystemTime_DisabledWritesNothing()
    {
        var clock = Clock(Counters(Second, 1), Second);
        Assert.True(clock.TryWriteMsr(0, SystemTime, Structure));
        clock.TscChanged();
        clock.NotePause(0);
        Assert.Equal(new byte[32], Bytes(Structure, 32));
    }

    [Fact]
    public void SystemTime_VersionIsEvenAfterwardsWhateverItWasAndGrows()
    {
        var clock = Clock(Counters(Second, 1), Second);
        Assert.True(clock.TryWriteMsr(0, SystemTime, Structure | 1));
        Assert.Equal(2u, Version(Structure));
        clock.TscChanged();
        Assert.Equal(4u, Version(Structure));
        Assert.True(_memory.TryWrite(new GuestAddress(Structure), [0xff, 0xff, 0xff, 0xff]));
        clock.TscChanged();
        Assert.Equal(2u, Version(Structure));
    }

    [Fact]
    public void SystemTime_EachVcpuHasItsOwnAndAllAgree()
    {
        var counters = Counters(Second, 3);
        var clock = Clock(counters, Second);
        for (var vcpu = 0; vcpu < 3; vcpu++)
        {
            _queue.Advance(777);
            Assert.True(clock.TryWriteMsr(vcpu, SystemTime, (Structure + (64 * (ulong)vcpu)) | 1));
        }

        _queue.Advance(Second);
        for (var vcpu = 0; vcpu < 3; vcpu++)
        {
            Assert.Equal(Second + (3 * 777), GuestNs(counters[vcpu].Now, Structure + (64 * (ulong)vcpu)));
            Assert.Equal(1, Flags(Structure + (64 * (ulong)vcpu)));
        }
    }

    [Fact]
    public void SystemTime_ACounterThatTheGuestSetsChangesNoTimeButIsToldToAll()
    {
        var counters = Counters(Second, 2);
        var clock = Clock(counters, Second);
        Assert.True(clock.TryWriteMsr(0, SystemTime, Structure | 1));
        Assert.True(clock.TryWriteMsr(1, SystemTime, (Structure + 64) | 1));
        _queue.Advance(Second);
        counters[1].Offset = 123_456;
        clock.TscChanged();
        _queue.Advance(Second);
        Assert.Equal(2 * Second, GuestNs(counters[0].Now));
        Assert.Equal(2 * Second, GuestNs(counters[1].Now, Structure + 64));
        Assert.Equal(0, Flags(Structure));
        Assert.Equal(0, Flags(Structure + 64));

        counters[1].Offset = 0;
        clock.TscChanged();
        Assert.Equal(1, Flags(Structure));
    }

    [Fact]
    public void NotePause_SetsTheFlagUntilTheGuestClearsIt()
    {
        var clock = Clock(Counters(Second, 1), Second);
        Assert.True(clock.TryWriteMsr(0, SystemTime, Structure | 1));
        clock.NotePause(0);
        Assert.Equal(3, Flags(Structure));
        clock.TscChanged();
        Assert.Equal(3, Flags(Structure));
        Assert.True(_memory.TryWrite(new GuestAddress(Structure + 29), [1]));
        clock.TscChanged();
        Assert.Equal(1, Flags(Structure));
    }

    [Fact]
    public void WallClock_IsTheTimeAtTheMachinesStart()
    {
        var start = new DateTimeOffset(2031, 5, 6, 7, 8, 9, TimeSpan.Zero) + TimeSpan.FromTicks(1_234_567);
        var clock = new PvClock(_memory, _queue, new FixedClock(start), Counters(Second, 1), Second);
        _queue.Advance(50 * Second);
        Assert.True(clock.TryWriteMsr(0, WallClock, Structure));
        var wall = Bytes(Structure, 12);
        Assert.Equal(2u, Version(Structure));
        Assert.Equal((uint)start.ToUnixTimeSeconds(), BinaryPrimitives.ReadUInt32LittleEndian(wall.AsSpan(4)));
        Assert.Equal(123_456_700u, BinaryPrimitives.ReadUInt32LittleEndian(wall.AsSpan(8)));
    }

    [Fact]
    public void StealTime_IsWrittenWhenItChanges()
    {
        var clock = Clock(Counters(Second, 2), Second);
        clock.SetStolen(1, 5);
        Assert.True(clock.TryWriteMsr(1, StealTime, Structure | 1));
        Assert.Equal(5, BinaryPrimitives.ReadInt64LittleEndian(Bytes(Structure, 8)));
        Assert.Equal(2u, Version(Structure + 8));
        clock.SetStolen(1, 5);
        Assert.Equal(2u, Version(Structure + 8));
        clock.SetStolen(1, 1_000_000);
        clock.SetStolen(0, 7);
        Assert.Equal(1_000_000, BinaryPrimitives.ReadInt64LittleEndian(Bytes(Structure, 8)));
        Assert.Equal(4u, Version(Structure + 8));
    }

    [Theory]
    [InlineData(2)]
    [InlineData(0x20)]
    public void StealTime_ReservedBitsAreRefused(ulong bits)
    {
        var clock = Clock(Counters(Second, 1), Second);
        Assert.False(clock.TryWriteMsr(0, StealTime, Structure | bits | 1));
        Assert.True(clock.TryReadMsr(0, StealTime, out var value));
        Assert.Equal(0ul, value);
    }

    [Fact]
    public void Addresses_ThatAreNoMemoryAreTakenAndChangeNothing()
    {
        var clock = Clock(Counters(Second, 1), Second);
        var random = new Random(4711);
        for (var i = 0; i < 10_000; i++)
        {
            var address = ((ulong)random.NextInt64() << random.Next(40)) | 0x1_0000;
            clock.TryWriteMsr(0, random.Next(3) switch { 0 => WallClock, 1 => SystemTime, _ => StealTime }, address);
            clock.SetStolen(0, i);
            clock.NotePause(0);
        }

        // The last bytes of RAM: the structure would go on behind them.
        Assert.True(clock.TryWriteMsr(0, SystemTime, 0xffe0 + 3));
        Assert.True(clock.TryWriteMsr(0, WallClock, 0xfff8));
        Assert.Equal(new byte[0x1_0000], Bytes(0, 0x1_0000));
    }

    [Fact]
    public void State_GoesOnWhereItWasSavedAndResetForgetsIt()
    {
        var counters = Counters(Second, 2);
        var clock = Clock(counters, Second);
        Assert.True(clock.TryWriteMsr(1, SystemTime, Structure | 1));
        Assert.True(clock.TryWriteMsr(1, StealTime, 0x3000 | 1));
        var state = clock.SavedState();
        clock.Reset();
        Assert.True(clock.TryReadMsr(1, SystemTime, out var cleared));
        Assert.Equal(0ul, cleared);
        counters[1].Offset = 99;
        clock.LoadState(state);
        Assert.True(clock.TryReadMsr(1, SystemTime, out var restored));
        Assert.Equal(Structure | 1, restored);
        _queue.Advance(Second);
        Assert.Equal(Second, GuestNs(counters[1].Now));
    }

    [Fact]
    public void Updates_AllocateNothing()
    {
        var clock = Clock(Counters(Second, 2), Second);
        Assert.True(clock.TryWriteMsr(0, SystemTime, Structure | 1));
        Assert.True(clock.TryWriteMsr(0, StealTime, 0x3000 | 1));
        Update(1);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Update(100);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Update(int times)
        {
            for (var i = 0; i < times; i++)
            {
                clock.SetStolen(0, (times * 1000) + i);
                clock.NotePause(0);
                clock.TscChanged();
            }
        }
    }

    private PvClock Clock(IReadOnlyList<IGuestTsc> counters, long hz) => new(_memory, _queue, new FixedClock(DateTimeOffset.UnixEpoch), counters, hz);

    private MovableTsc[] Counters(long hz, int count) => [.. Enumerable.Range(0, count).Select(_ => new MovableTsc(new FixedRateTsc(_queue, hz)))];

    private long GuestNs(ulong tsc, ulong address = Structure)
    {
        var time = Bytes(address, 32);
        var delta = unchecked(tsc - BinaryPrimitives.ReadUInt64LittleEndian(time.AsSpan(8)));
        var shift = unchecked((sbyte)time[28]);
        delta = shift < 0 ? delta >> -shift : delta << shift;
        var ns = (ulong)(((UInt128)delta * BinaryPrimitives.ReadUInt32LittleEndian(time.AsSpan(24))) >> 32);
        return BinaryPrimitives.ReadInt64LittleEndian(time.AsSpan(16)) + (long)ns;
    }

    private uint Version(ulong address) => BinaryPrimitives.ReadUInt32LittleEndian(Bytes(address, 4));

    private byte Flags(ulong address) => Bytes(address + 29, 1)[0];

    private byte[] Bytes(ulong address, int length)
    {
        var bytes = new byte[length];
        Assert.True(_memory.TryRead(new GuestAddress(address), bytes));
        return bytes;
    }

    /// <summary>A counter that a guest has set.</summary>
    private sealed class MovableTsc(IGuestTsc inner) : IGuestTsc
    {
        internal ulong Offset { get; set; }

        public ulong Now => inner.Now + Offset;

        public long DeadlineNs(ulong tsc) => inner.DeadlineNs(tsc - Offset);
    }
}
