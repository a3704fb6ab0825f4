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

/// <summary>Allocates and collects on a thread of its own, so that the runtime stops and resumes the other threads all the time.</summary>
internal sealed class Collections : IDisposable
{
    private readonly ManualResetEventSlim _stop = new();
    private readonly Thread _thread;

    internal Collections()
    {
        _thread = new Thread(() =>
        {
            var kept = new List<byte[]>();
            while (!_stop.Wait(1))
            {
                kept.Add(new byte[10_000]);
                if (kept.Count == 16)
                {
                    kept.Clear();
                    GC.Collect(1, GCCollectionMode.Forced, blocking: true);
                    Count++;
                }
            }
        });
        _thread.Start();
    }

    internal int Count { get; private set; }

    public void Dispose()
    {
        _stop.Set();
        _thread.Join();
        _stop.Dispose();
    }
}
