using HvRunner.Abstractions;

namespace HvRunner.Machine.Tests;

/// <summary>A vCPU whose guest is a count: it goes up as long as nobody kicks, and kicks are answered as by a backend.</summary>
internal sealed class SteppingVcpu(int index) : FakeVcpu(index), IVcpu, IVcpuPauseNotice
{
    private int _kicked;
    private int _notices;
    private long _steps;
    private volatile bool _stop;

    internal long Steps => Interlocked.Read(ref _steps);

    internal int Notices => Volatile.Read(ref _notices);

    /// <summary>Called in the middle of each step, on the vCPU's thread: a device.</summary>
    internal Action OnStep { get; set; } = () => { };

    void IVcpu.Kick() => Interlocked.Exchange(ref _kicked, 1);

    void IVcpu.RequestStop() => _stop = true;

    public void NotePause() => _notices++;

    /// <summary>Runs on the calling thread until it is stopped.</summary>
    internal void Run(PauseGate gate)
    {
        gate.Enter(Index);
        while (!_stop)
        {
            if (Interlocked.Exchange(ref _kicked, 0) != 0)
            {
                gate.Pass(Index);
                continue;
            }

            OnStep();
            Interlocked.Increment(ref _steps);
        }

        gate.Leave(Index);
    }
}
