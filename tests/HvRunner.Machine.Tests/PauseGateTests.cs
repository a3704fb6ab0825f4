using System.Diagnostics;
using HvRunner.Abstractions;
using HvRunner.Fakes;

namespace HvRunner.Machine.Tests;

/// <summary>A paused machine stands still, whoever asked for it and when.</summary>
public sealed class PauseGateTests : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    private readonly SteppingVcpu[] _vcpus = [new(0), new(1)];
    private readonly List<Thread> _threads = [];
    private readonly FakeTimerQueue _time = new();
    private readonly PauseGate _gate;

    public PauseGateTests()
    {
        _gate = new PauseGate(_vcpus, _time, vcpu => _vcpus[vcpu].NotePause());
    }

    public void Dispose() => Stop();

    [Fact]
    public void Pause_HoldsAllUntilResume()
    {
        Start();
        Assert.True(_gate.Pause(Limit));
        Assert.True(_gate.IsPaused);
        AssertStandsStill();
        _time.Advance(1);
        _gate.Resume();
        Assert.False(_gate.IsPaused);
        AssertMoves();
        Assert.Equal([1, 1], _vcpus.Select(vcpu => vcpu.Notices));
    }

    [Fact]
    public void Pause_InWhichNoTimePassesIsNoGap()
    {
        Start();
        Assert.True(_gate.Pause(Limit));
        _gate.Resume();
        AssertMoves();
        Assert.Equal([0, 0], _vcpus.Select(vcpu => vcpu.Notices));
    }

    [Fact]
    public void PauseAndResume_AreIdempotent()
    {
        Start();
        _gate.Resume();
        Assert.True(_gate.Pause(Limit) && _gate.Pause(Limit));
        _gate.Resume();
        _gate.Resume();
        AssertMoves();
    }

    [Fact]
    public void PauseBeforeTheStart_LetsNobodyIn()
    {
        Assert.True(_gate.Pause(Limit));
        Start(waitForSteps: false);
        AssertStandsStill();
        Assert.Equal(0, Total);
        _gate.Resume();
        AssertMoves();
        Assert.Equal([0, 0], _vcpus.Select(vcpu => vcpu.Notices));
    }

    [Fact]
    public void VcpuThatDoesNotCome_UndoesThePause()
    {
        using var stuck = new ManualResetEventSlim();
        using var release = new ManualResetEventSlim();
        Start();
        _vcpus[1].OnStep = () =>
        {
            stuck.Set();
            release.Wait();
        };
        stuck.Wait();
        var start = Stopwatch.GetTimestamp();
        Assert.False(_gate.Pause(TimeSpan.FromMilliseconds(50)));
        Assert.True(Stopwatch.GetElapsedTime(start) >= TimeSpan.FromMilliseconds(50));
        Assert.False(_gate.IsPaused);
        _vcpus[1].OnStep = () => { };
        release.Set();
        AssertMoves();
    }

    [Fact]
    public void VcpuThatHasEnded_IsNotWaitedFor()
    {
        Start();
        ((IVcpu)_vcpus[0]).RequestStop();
        Assert.True(_threads[0].Join(Limit));
        Assert.True(_gate.Pause(Limit));
        AssertStandsStill();
    }

    [Fact]
    public void End_FreesWhoIsHeldAndHoldsNobodyAfterwards()
    {
        Start();
        Assert.True(_gate.Pause(Limit));
        Stop();
        Assert.All(_threads, thread => Assert.False(thread.IsAlive));
        Assert.True(_gate.Pause(Limit));
        _gate.Enter(0);
        _gate.Pass(0);
        _gate.Leave(0);
        Assert.Equal([0, 0], _vcpus.Select(vcpu => vcpu.Notices));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void PauseOnAVcpusOwnThread_StopsItBehindTheStep(int pausing)
    {
        using var together = new Barrier(pausing);
        var paused = new long[2];
        var results = new bool[2];
        Start();
        for (var i = 0; i < pausing; i++)
        {
            var vcpu = _vcpus[i];
            vcpu.OnStep = () =>
            {
                vcpu.OnStep = () => { };
                together.SignalAndWait();
                paused[vcpu.Index] = vcpu.Steps + 1;
                results[vcpu.Index] = _gate.Pause(Limit);
            };
        }

        Assert.True(SpinWait.SpinUntil(() => results.Count(result => result) == pausing, Limit), "the pause was not reached");
        Assert.True(_gate.Pause(Limit));
        for (var i = 0; i < pausing; i++)
        {
            Assert.Equal(paused[i], _vcpus[i].Steps);
        }

        _gate.Resume();
        AssertMoves();
    }

    [Fact]
    public void ThreadThatIsNoVcpus_PassesWhilePaused()
    {
        Start();
        Assert.True(_gate.Pause(Limit));
        _gate.PassOnThisThread();
    }

    [Fact]
    public void WaitOnAVcpusThread_CountsAsOut()
    {
        using var waiting = new ManualResetEventSlim();
        var go = false;
        Start();
        _vcpus[0].OnStep = () =>
        {
            waiting.Set();
            while (!Volatile.Read(ref go))
            {
                _gate.PassOnThisThread();
                Thread.Yield();
            }
        };
        waiting.Wait();
        Assert.True(_gate.Pause(Limit));
        Volatile.Write(ref go, true);
        AssertStandsStill();
        _gate.Resume();
        AssertMoves();
    }

    /// <summary>One thread pauses and looks; others kick, and pause and resume as well.</summary>
    [Fact]
    public void Stress_NothingMovesInAPause()
    {
        const int Seed = 20260806;
        var over = false;
        Start();
        var kicking = new Thread(() =>
        {
            var random = new Random(Seed);
            while (!Volatile.Read(ref over))
            {
                ((IVcpu)_vcpus[random.Next(2)]).Kick();
                Thread.SpinWait(random.Next(500));
            }
        });
        kicking.Start();
        var random = new Random(Seed + 1);
        for (var round = 0; round < 3_000; round++)
        {
            Assert.True(_gate.Pause(Limit), $"seed {Seed}, round {round}: a vCPU did not come");
            var before = Total;
            Thread.SpinWait(random.Next(300));
            Assert.True(before == Total, $"seed {Seed}, round {round}: the guest moved in a pause");
            _gate.Resume();
            if (random.Next(4) == 0)
            {
                Thread.SpinWait(random.Next(2_000));
            }
        }

        Volatile.Write(ref over, true);
        kicking.Join();
        AssertMoves();
    }

    /// <summary>Everybody does everything at once; at the end the gate still keeps its word, and nobody hangs.</summary>
    [Fact]
    public void Stress_ContradictoryCallersLeaveNothingBehind()
    {
        const int Seed = 20260807;
        Start();
        var callers = Enumerable.Range(0, 4).Select(number => new Thread(() =>
        {
            var random = new Random(Seed + number);
            for (var i = 0; i < 1_000; i++)
            {
                if (random.Next(2) == 0)
                {
                    _gate.Pause(TimeSpan.FromTicks(random.Next(20_000)));
                }
                else
                {
                    _gate.Resume();
                }
            }
        })).ToList();
        callers.ForEach(caller => caller.Start());
        Assert.All(callers, caller => Assert.True(caller.Join(Limit), $"seed {Seed}: a caller hangs"));
        _gate.Resume();
        AssertMoves();
        Assert.True(_gate.Pause(Limit));
        AssertStandsStill();
    }

    private long Total => _vcpus.Sum(vcpu => vcpu.Steps);

    private void Start(bool waitForSteps = true)
    {
        foreach (var vcpu in _vcpus)
        {
            var thread = new Thread(() => vcpu.Run(_gate)) { IsBackground = true };
            _threads.Add(thread);
            thread.Start();
        }

        if (waitForSteps)
        {
            AssertMoves();
        }
    }

    private void Stop()
    {
        foreach (IVcpu vcpu in _vcpus)
        {
            vcpu.RequestStop();
        }

        _gate.End();
        _threads.ForEach(thread => Assert.True(thread.Join(Limit), "a vCPU is still held"));
    }

    private void AssertStandsStill()
    {
        var before = Total;
        Assert.False(SpinWait.SpinUntil(() => Total != before, TimeSpan.FromMilliseconds(10)), "a vCPU goes on in a pause");
    }

    private void AssertMoves()
    {
        foreach (var vcpu in _vcpus)
        {
            var before = vcpu.Steps;
            Assert.True(SpinWait.SpinUntil(() => vcpu.Steps != before, Limit), $"vCPU {vcpu.Index} does not go on");
        }
    }
}
