using System.Collections.Concurrent;

namespace HvRunner.Host.Tests;

public class TimerFdQueueTests
{
    private const long Millisecond = 1_000_000;

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    [Fact]
    public void Timers_FireInTheOrderOfTheirDeadlines()
    {
        using var queue = new TimerFdQueue();
        using var fired = new BlockingCollection<int>();
        var now = queue.NowNs;
        var delays = new[] { 30, 10, 20, 5, 25 };
        foreach (var delay in delays)
        {
            queue.CreateTimer(_ => fired.Add(delay)).Arm(now + (delay * Millisecond));
        }

        Assert.Equal(delays.Order(), delays.Select(_ => Take(fired)));
    }

    [Fact]
    public void Callback_IsGivenItsDeadlineAndIsNeverEarly()
    {
        using var queue = new TimerFdQueue();
        using var fired = new BlockingCollection<(long Deadline, long Now)>();
        var timer = queue.CreateTimer(deadline => fired.Add((deadline, queue.NowNs)));
        var lateness = new List<long>();
        for (var i = 0; i < 50; i++)
        {
            var deadline = queue.NowNs + Millisecond;
            timer.Arm(deadline);
            var (given, now) = Take(fired);
            Assert.Equal(deadline, given);
            Assert.True(now >= deadline, $"fired {deadline - now} ns early");
            lateness.Add(now - deadline);
        }

        // Some 45 us on an idle host; a busy one takes its time, but not most of the time.
        Assert.InRange(lateness.Order().ElementAt(lateness.Count / 2), 0, 5 * Millisecond);
        Assert.True(queue.WorstLatenessNs > 0);
    }

    [Theory]
    [InlineData(long.MinValue)]
    [InlineData(-1)]
    [InlineData(0)]
    [InlineData(1)]
    public void PastDeadline_FiresAtOnce(long deadline)
    {
        using var queue = new TimerFdQueue();
        using var fired = new BlockingCollection<long>();
        queue.CreateTimer(fired.Add).Arm(deadline);
        Assert.Equal(deadline, Take(fired));
    }

    [Fact]
    public void Rearming_ReplacesTheDeadline()
    {
        using var queue = new TimerFdQueue();
        using var fired = new BlockingCollection<long>();
        var timer = queue.CreateTimer(fired.Add);
        var now = queue.NowNs;
        timer.Arm(now + (3600L * 1000 * Millisecond));
        timer.Arm(now + (20 * Millisecond));
        Assert.Equal(now + (20 * Millisecond), Take(fired));
        timer.Arm(now + (30 * Millisecond));
        timer.Arm(now + (60 * Millisecond));
        Assert.Equal(now + (60 * Millisecond), Take(fired));
        Assert.Empty(fired);
    }

    [Fact]
    public void Callback_MayArmItsTimerAgain()
    {
        using var queue = new TimerFdQueue();
        using var done = new CountdownEvent(10);
        HvRunner.Abstractions.IDeadlineTimer? timer = null;
        timer = queue.CreateTimer(deadline =>
        {
            if (!done.Signal())
            {
                timer!.Arm(deadline + Millisecond);
            }
        });
        timer.Arm(queue.NowNs);
        Assert.True(done.Wait(Limit));
    }

    [Fact]
    public void Disarming_TakesTheDeadlineBack()
    {
        using var queue = new TimerFdQueue();
        using var fired = new BlockingCollection<string>();
        var now = queue.NowNs;
        var never = queue.CreateTimer(_ => fired.Add("never"));
        never.Disarm();
        never.Arm(now + (20 * Millisecond));
        var gone = queue.CreateTimer(_ => fired.Add("gone"));
        gone.Arm(now + (20 * Millisecond));
        queue.CreateTimer(_ => fired.Add("last")).Arm(now + (60 * Millisecond));
        never.Disarm();
        gone.Dispose();
        Assert.Equal("last", Take(fired));
        Assert.Empty(fired);
    }

    [Fact]
    public void Disposal_StopsEverythingAndGivesEverythingBack()
    {
        Descriptors.AssertGivenBack(() =>
        {
            var late = 0;
            var queue = new TimerFdQueue();
            using var fired = new BlockingCollection<long>();
            var timer = queue.CreateTimer(_ => Interlocked.Increment(ref late));
            queue.CreateTimer(fired.Add).Arm(0);
            Take(fired);
            timer.Arm(queue.NowNs + (50 * Millisecond));
            queue.Dispose();
            queue.Dispose();
            var after = Volatile.Read(ref late);
            timer.Arm(0);
            timer.Disarm();
            timer.Dispose();
            using var never = new ManualResetEventSlim();
            never.Wait(80);
            Assert.Equal(after, late);
        });
    }

    [Fact]
    public void QueueThatWasNeverArmed_IsDisposedWithoutAThread() => Descriptors.AssertGivenBack(() => new TimerFdQueue().Dispose());

    [Fact]
    public void Arming_AllocatesNothing()
    {
        using var queue = new TimerFdQueue();
        var timer = queue.CreateTimer(_ => { });
        var far = queue.NowNs + (3600L * 1000 * Millisecond);
        Arm(100);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Arm(1000);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Arm(int times)
        {
            for (var i = 0; i < times; i++)
            {
                // Ever earlier, so that the descriptor is programmed each time.
                timer.Arm(far -= Millisecond);
                timer.Disarm();
            }
        }
    }

    private static T Take<T>(BlockingCollection<T> from)
    {
        Assert.True(from.TryTake(out var item, Limit), "the timer did not fire");
        return item;
    }
}
