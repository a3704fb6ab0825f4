using HvRunner.Abstractions;
using HvRunner.Chipset.Apic;

namespace HvRunner.Chipset.Tests.Apic;

/// <summary>One rule of the SDM's "APIC Timer" each. The bus runs at 1 GHz and the divider is 1 unless a test says otherwise.</summary>
public sealed class LocalApicTimerTests : LocalApicFixture
{
    private const uint Periodic = 0x2_0000;
    private const uint Deadline = 0x4_0000;

    public LocalApicTimerTests()
    {
        Enable();
        Write(Divide, 0xb);
    }

    [Fact]
    public void OneShot_CountsDownAndRaisesOnce()
    {
        Write(LvtTimer, 0x51);
        Write(InitialCount, 1_000);
        Assert.Equal(1_000u, Read(CurrentCount));
        Queue.Advance(400);
        Assert.Equal(600u, Read(CurrentCount));
        Queue.Advance(599);
        Assert.Equal(1u, Read(CurrentCount));
        Assert.False(Apic.HasInterrupt);
        Queue.Advance(1);
        Assert.Equal(1, Signals);
        Assert.Equal(0x51, Take());
        Assert.Equal(0u, Read(CurrentCount));
        Assert.Equal(1_000u, Read(InitialCount));
        Write(Eoi, 0);
        Queue.Advance(1_000_000);
        Assert.False(Apic.HasInterrupt);
        Assert.Equal(0, Queue.ArmedCount);
    }

    [Theory]
    [InlineData(0x0, 2)]
    [InlineData(0x1, 4)]
    [InlineData(0x2, 8)]
    [InlineData(0x3, 16)]
    [InlineData(0x8, 32)]
    [InlineData(0x9, 64)]
    [InlineData(0xa, 128)]
    [InlineData(0xb, 1)]
    public void Divide_SlowsTheCountDown(uint code, int divisor)
    {
        Write(LvtTimer, 0x51);
        Write(Divide, code);
        Write(InitialCount, 100);
        Queue.Advance((100 * divisor) - 1);
        Assert.Equal(1u, Read(CurrentCount));
        Assert.False(Apic.HasInterrupt);
        Queue.Advance(1);
        Assert.True(Apic.HasInterrupt);
    }

    [Fact]
    public void Divide_ChangedOnTheWayGoesOnFromTheCurrentCount()
    {
        Write(LvtTimer, 0x51);
        Write(InitialCount, 1_000);
        Queue.Advance(400);
        Write(Divide, 0x0);
        Assert.Equal(600u, Read(CurrentCount));
        Queue.Advance(200);
        Assert.Equal(500u, Read(CurrentCount));
        Queue.Advance(999);
        Assert.False(Apic.HasInterrupt);
        Queue.Advance(1);
        Assert.True(Apic.HasInterrupt);
    }

    [Fact]
    public void InitialCount_RestartsTheCount()
    {
        Write(LvtTimer, 0x51);
        Write(InitialCount, 1_000);
        Queue.Advance(900);
        Write(InitialCount, 500);
        Assert.Equal(500u, Read(CurrentCount));
        Queue.Advance(499);
        Assert.False(Apic.HasInterrupt);
        Queue.Advance(1);
        Assert.True(Apic.HasInterrupt);
    }

    [Fact]
    public void InitialCount_ZeroStops()
    {
        Write(LvtTimer, 0x51 | Periodic);
        Write(InitialCount, 1_000_000);
        Write(InitialCount, 0);
        Assert.Equal(0u, Read(CurrentCount));
        Assert.Equal(0, Queue.ArmedCount);
        Queue.Advance(10_000_000);
        Assert.False(Apic.HasInterrupt);
    }

    [Fact]
    public void Periodic_ReloadsAndKeepsItsPhase()
    {
        Write(LvtTimer, 0x51 | Periodic);
        Write(InitialCount, 1_000_000);
        for (var i = 0; i < 100; i++)
        {
            Queue.Advance(999_999);
            Assert.Equal(1u, Read(CurrentCount));
            Assert.False(Apic.HasInterrupt);
            Queue.Advance(1);
            Assert.Equal(1_000_000u, Read(CurrentCount));
            Assert.Equal(0x51, Take());
            Write(Eoi, 0);
        }
    }

    [Theory]
    [InlineData(999_999_937L, 13u, 0x3u)]
    [InlineData(33_333_333L, 1_000u, 0xbu)]
    [InlineData(24_000_000L, 240_001u, 0x0u)]
    [InlineData(2_999_999_999L, 4_000_000_000u, 0xau)]
    public void Periodic_NeverDriftsAtAnOddFrequency(long frequencyHz, uint count, uint divide)
    {
        using var apic = new LocalApic(0, Queue, this, busFrequencyHz: frequencyHz);
        foreach (var (offset, value) in new[] { (Svr, 0x1ffu), (LvtTimer, 0x51 | Periodic), (Divide, divide), (InitialCount, count) })
        {
            apic.Write((ulong)offset, BitConverter.GetBytes(value));
        }

        int[] divisors = [2, 4, 8, 16, 0, 0, 0, 0, 32, 64, 128, 1];
        var start = Queue.NowNs;
        const int Periods = 1_000_003;
        var exactNs = (UInt128)count * (uint)divisors[divide] * Periods * 1_000_000_000;
        var end = (long)((exactNs + (ulong)frequencyHz - 1) / (ulong)frequencyHz);

        // As a host does that slept through all but the last.
        Queue.Jump(end - 1);
        Queue.Advance(0);
        apic.TryAcknowledge(out _);
        apic.Write(Eoi, new byte[4]);
        var data = new byte[4];
        apic.Read(CurrentCount, data);
        Assert.Equal(1u, BitConverter.ToUInt32(data));
        Assert.False(apic.HasInterrupt);
        Queue.Jump(1);
        apic.Read(CurrentCount, data);
        Assert.Equal(count, BitConverter.ToUInt32(data));
        Assert.True(apic.HasInterrupt);
        Assert.Equal(start + end, Queue.NowNs);
    }

    [Fact]
    public void Periodic_LateHostGetsOneInterruptInPhase()
    {
        Write(LvtTimer, 0x51 | Periodic);
        Write(InitialCount, 1_000_000);
        Queue.Jump(5_300_000);
        Queue.Advance(0);
        Assert.Equal(0x51, Take());
        Write(Eoi, 0);
        Assert.Equal(-1, Take());
        Assert.Equal(700_000u, Read(CurrentCount));
        Queue.Advance(699_999);
        Assert.Equal(-1, Take());
        Queue.Advance(1);
        Assert.Equal(0x51, Take());
    }

    [Fact]
    public void Periodic_ShortPeriodsDoNotFloodTheHost()
    {
        Write(LvtTimer, 0x51 | Periodic);
        Write(InitialCount, 1);
        var last = Queue.NowNs;
        Queue.Advance(1);
        for (var i = 0; i < 100; i++)
        {
            var next = Queue.NextDeadlineNs!.Value;
            Assert.True(next - last >= 20_000, $"{next - last} ns");
            Queue.Advance(next - Queue.NowNs);
            last = next;
        }
    }

    [Fact]
    public void Masked_RaisesNothingAndCountsOn()
    {
        Write(LvtTimer, 0x51 | Periodic | Masked);
        Write(InitialCount, 1_000_000);
        Assert.Equal(0, Queue.ArmedCount);
        Queue.Advance(2_250_000);
        Assert.Equal(750_000u, Read(CurrentCount));
        Write(LvtTimer, 0x51 | Periodic);
        Assert.False(Apic.HasInterrupt);
        Queue.Advance(750_000);
        Assert.True(Apic.HasInterrupt);
    }

    [Fact]
    public void Masked_OneShotThatPassedIsLost()
    {
        Write(LvtTimer, 0x51 | Masked);
        Write(InitialCount, 1_000);
        Queue.Advance(2_000);
        Write(LvtTimer, 0x51);
        Queue.Advance(10_000_000);
        Assert.False(Apic.HasInterrupt);
    }

    [Fact]
    public void Irr_ShowsAnExpiryThatTheHostHasNotServedYet()
    {
        Write(LvtTimer, 0x51);
        Write(InitialCount, 1_000);
        Queue.Jump(1_000);
        Assert.True(IsIn(Irr, 0x51));
        Queue.Advance(0);
        Assert.Equal(0x51, Take());
        Write(Eoi, 0);
        Assert.Equal(-1, Take());
    }

    [Theory]
    [InlineData(0u, false)]
    [InlineData(Periodic, true)]
    public void Load_RefusesARunningOneShotThatHasExpired(uint mode, bool accepted)
    {
        Write(LvtTimer, 0x51 | mode);
        Write(InitialCount, 1_000);
        var state = Apic.SavedState();

        // The state ends with the elapsed time, the expiries served, the TSC deadline and the time since the last expiry, 8 bytes each.
        BitConverter.TryWriteBytes(state.AsSpan(^32), 4_000L);
        BitConverter.TryWriteBytes(state.AsSpan(^24), 1L);
        if (accepted)
        {
            Apic.LoadState(state);
            Queue.Advance(2_000);
            Assert.Equal(0x51, Take());
        }
        else
        {
            Assert.Throws<StateFormatException>(() => Apic.LoadState(state));
        }
    }

    [Fact]
    public void Load_OfTheOldestTimerLeavesOneThatCanBeSavedAndLoaded()
    {
        Write(LvtTimer, 0x51 | Periodic);
        Write(InitialCount, 1_000);
        var state = Apic.SavedState();
        BitConverter.TryWriteBytes(state.AsSpan(^32), 1L << 59);
        Apic.LoadState(state);
        var count = Read(CurrentCount);
        Queue.Advance(5_000_001);
        Assert.Equal(0x51, Take());
        Assert.Equal(count - 1, Read(CurrentCount));
        Apic.LoadState(Apic.SavedState());
        Assert.Equal(count - 1, Read(CurrentCount));
    }

    [Fact]
    public void IllegalVector_IsLoggedWhenItExpires()
    {
        Write(LvtTimer, 0x0f);
        Write(InitialCount, 1_000);
        Assert.Equal(0u, Errors());
        Queue.Advance(1_000);
        Assert.False(Apic.HasInterrupt);
        Assert.Equal(0x40u, Errors());
    }

    [Fact]
    public void IllegalVector_IsInTheStatusThatIsWrittenBeforeTheHostHasServedTheExpiry()
    {
        Write(LvtTimer, 0x0f);
        Write(InitialCount, 1_000);
        Queue.Jump(1_000);
        Assert.Equal(0x40u, Errors());
    }

    [Fact]
    public void Mode_OneShotToPeriodicGoesOnCounting()
    {
        Write(LvtTimer, 0x51);
        Write(InitialCount, 1_000_000);
        Queue.Advance(400_000);
        Write(LvtTimer, 0x51 | Periodic);
        Assert.Equal(600_000u, Read(CurrentCount));
        Queue.Advance(600_000);
        Assert.Equal(0x51, Take());
        Write(Eoi, 0);
        Queue.Advance(1_000_000);
        Assert.Equal(0x51, Take());
    }

    [Fact]
    public void Mode_PeriodicToOneShotEndsAtTheNextZero()
    {
        Write(LvtTimer, 0x51 | Periodic);
        Write(InitialCount, 1_000_000);
        Queue.Advance(1_400_000);
        Take();
        Write(Eoi, 0);
        Write(LvtTimer, 0x51);
        Assert.Equal(600_000u, Read(CurrentCount));
        Queue.Advance(600_000);
        Assert.Equal(0x51, Take());
        Write(Eoi, 0);
        Queue.Advance(10_000_000);
        Assert.Equal(-1, Take());
        Assert.Equal(0u, Read(CurrentCount));
    }

    [Theory]
    [InlineData(Deadline)]
    [InlineData(Deadline | Periodic)]
    public void Mode_ToDeadlineOrReservedStopsTheCount(uint mode)
    {
        Write(LvtTimer, 0x51);
        Write(InitialCount, 1_000);
        Write(LvtTimer, 0x51 | mode);
        Assert.Equal(0u, Read(CurrentCount));
        Assert.Equal(0u, Read(InitialCount));
        Write(InitialCount, 500);
        Assert.Equal(0u, Read(InitialCount));
        Queue.Advance(1_000_000);
        Assert.False(Apic.HasInterrupt);
    }

    [Fact]
    public void Mode_FromDeadlineDisarms()
    {
        Write(LvtTimer, 0x51 | Deadline);
        Apic.WriteTscDeadline(Tsc(Queue.NowNs + 1_000));
        Write(LvtTimer, 0x51);
        Assert.Equal(0ul, Apic.ReadTscDeadline());
        Write(LvtTimer, 0x51 | Deadline);
        Assert.Equal(0ul, Apic.ReadTscDeadline());
        Queue.Advance(10_000);
        Assert.False(Apic.HasInterrupt);
    }

    [Fact]
    public void TscDeadline_FiresWhenTheCounterIsThereAndReadsZero()
    {
        Write(LvtTimer, 0x51 | Deadline);
        var deadline = Tsc(Queue.NowNs + 1_000) + 1;
        Apic.WriteTscDeadline(deadline);
        Assert.Equal(deadline, Apic.ReadTscDeadline());
        Queue.Advance(1_000);
        Assert.False(Apic.HasInterrupt);
        Queue.Advance(1);
        Assert.Equal(0x51, Take());
        Assert.Equal(0ul, Apic.ReadTscDeadline());
        Assert.Equal(0, Queue.ArmedCount);
    }

    [Fact]
    public void TscDeadline_InThePastFiresAtOnce()
    {
        Write(LvtTimer, 0x51 | Deadline);
        Apic.WriteTscDeadline(1);
        Assert.Equal(0x51, Take());
        Assert.Equal(0ul, Apic.ReadTscDeadline());
    }

    [Fact]
    public void TscDeadline_ZeroDisarms()
    {
        Write(LvtTimer, 0x51 | Deadline);
        Apic.WriteTscDeadline(Tsc(Queue.NowNs + 1_000));
        Apic.WriteTscDeadline(0);
        Queue.Advance(10_000);
        Assert.False(Apic.HasInterrupt);
        Assert.Equal(0, Queue.ArmedCount);
    }

    [Fact]
    public void TscDeadline_IsIgnoredInOtherModes()
    {
        Write(LvtTimer, 0x51);
        Apic.WriteTscDeadline(Tsc(Queue.NowNs + 1_000));
        Assert.Equal(0ul, Apic.ReadTscDeadline());
        Queue.Advance(10_000);
        Assert.False(Apic.HasInterrupt);
    }

    [Fact]
    public void TscDeadline_MaskedPassesUnseen()
    {
        Write(LvtTimer, 0x51 | Deadline | Masked);
        Apic.WriteTscDeadline(Tsc(Queue.NowNs + 1_000));
        Queue.Advance(10_000);
        Assert.Equal(0ul, Apic.ReadTscDeadline());
        Write(LvtTimer, 0x51 | Deadline);
        Assert.False(Apic.HasInterrupt);
    }

    [Fact]
    public void TscDeadline_FarBeyondTheClockIsHarmless()
    {
        Write(LvtTimer, 0x51 | Deadline);
        Apic.WriteTscDeadline(ulong.MaxValue);
        Queue.Advance(1_000_000_000);
        Assert.False(Apic.HasInterrupt);
        Assert.Equal(ulong.MaxValue, Apic.ReadTscDeadline());
    }

    [Fact]
    public void TscDeadline_FollowsACounterThatIsSet()
    {
        var tsc = new SettableTsc();
        using var apic = new LocalApic(0, Queue, this, tsc: tsc);
        apic.Write(Svr, BitConverter.GetBytes(0x1ffu));
        apic.Write(LvtTimer, BitConverter.GetBytes(0x51 | Deadline));
        tsc.DeadlineAtNs = Queue.NowNs + 1_000;
        apic.WriteTscDeadline(100);
        tsc.DeadlineAtNs = Queue.NowNs + 500;
        apic.TscChanged();
        Assert.Equal(Queue.NowNs + 500, Queue.NextDeadlineNs);

        // The nanosecond is there, the counter is not: look again, soon but not at once.
        Queue.Advance(500);
        Assert.False(apic.HasInterrupt);
        Assert.Equal(Queue.NowNs + 1_000, Queue.NextDeadlineNs);
        tsc.Now = 100;
        Queue.Advance(1_000);
        Assert.True(apic.HasInterrupt);
    }

    [Fact]
    public void FixedRateTsc_DeadlineIsTheFirstNanosecondAtTheCount()
    {
        foreach (var frequencyHz in new[] { 1L, 999, 1_000_000_000, 2_893_201_337, 5_000_000_000 })
        {
            var tsc = new FixedRateTsc(Queue, frequencyHz);
            for (var i = 0; i < 50; i++)
            {
                Queue.Advance(123_456_789);
                var target = tsc.Now + (ulong)(i * 1_000);
                var ns = tsc.DeadlineNs(target);
                Assert.True((UInt128)(ulong)ns * (ulong)frequencyHz / 1_000_000_000 >= target);
                Assert.True(ns == 0 || (UInt128)(ulong)(ns - 1) * (ulong)frequencyHz / 1_000_000_000 < target);
            }
        }

        Assert.Equal(long.MaxValue, new FixedRateTsc(Queue, 1).DeadlineNs(ulong.MaxValue));
    }

    [Fact]
    public void Load_GoesOnCountingWhereItWas()
    {
        Write(LvtTimer, 0x51 | Periodic);
        Write(InitialCount, 1_000_000);
        Queue.Advance(3_400_000);
        Take();
        Write(Eoi, 0);
        var state = Apic.SavedState();
        Queue.Advance(777_777);
        Take();
        Write(Eoi, 0);
        Apic.LoadState(state);
        Assert.Equal(600_000u, Read(CurrentCount));
        Queue.Advance(599_999);
        Assert.False(Apic.HasInterrupt);
        Queue.Advance(1);
        Assert.True(Apic.HasInterrupt);
    }

    private static ulong Tsc(long ns) => (ulong)((UInt128)(ulong)ns * TscHz / 1_000_000_000);

    private sealed class SettableTsc : IGuestTsc
    {
        public ulong Now { get; set; }

        public long DeadlineAtNs { get; set; }

        public long DeadlineNs(ulong tsc) => DeadlineAtNs;
    }
}
