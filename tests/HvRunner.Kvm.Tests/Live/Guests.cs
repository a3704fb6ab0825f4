namespace HvRunner.Kvm.Tests.Live;

/// <summary>What a guest may be doing when somebody wants it to stop.</summary>
public enum Doing
{
    /// <summary>jmp $</summary>
    Spinning,

    /// <summary>sti; hlt</summary>
    HaltedWithInterruptsOn,

    /// <summary>cli; hlt</summary>
    HaltedWithInterruptsOff,

    /// <summary>out 0x80, al in a loop</summary>
    PortLoop,

    /// <summary>mov [device], eax in a loop</summary>
    MmioLoop,
}

internal static class Guests
{
    internal static LiveGuest That(Doing what, int vcpus = 1) => new(
        what switch
        {
            Doing.Spinning => [0xeb, 0xfe],
            Doing.HaltedWithInterruptsOn => [0xfb, 0xf4, 0xeb, 0xfc],
            Doing.HaltedWithInterruptsOff => [0xfa, 0xf4, 0xeb, 0xfc],
            Doing.PortLoop => [0xe6, 0x80, 0xeb, 0xfc],
            _ => [0xa3, 0, 0, 0, 0xd0, 0xeb, 0xf9],
        },
        vcpus);
}

/// <summary>
/// Allocates and collects on a thread of its own about every millisecond, so that the runtime stops and resumes the other threads all the time;
/// it has begun when the constructor returns.
/// </summary>
internal sealed class Collections : IDisposable
{
    private readonly ManualResetEventSlim _stop = new();
    private readonly Thread _thread;
    private int _count;

    internal Collections()
    {
        _thread = new Thread(() =>
        {
            while (!_stop.Wait(1))
            {
                Kept = new byte[10_000];
                GC.Collect(1, GCCollectionMode.Forced, blocking: true);
                Interlocked.Increment(ref _count);
            }
        });
        _thread.Start();
        Assert.True(SpinWait.SpinUntil(() => Count > 0, TimeSpan.FromSeconds(10)), "no garbage is collected");
    }

    internal int Count => Volatile.Read(ref _count);

    /// <summary>Something to move.</summary>
    internal byte[] Kept { get; private set; } = [];

    public void Dispose()
    {
        _stop.Set();
        _thread.Join();
        _stop.Dispose();
    }
}
