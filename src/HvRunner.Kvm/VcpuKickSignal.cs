using HvRunner.Host;
using HvRunner.Host.Interop;
using HvRunner.Kvm.Interop;
using static HvRunner.Host.Interop.LibcConstants;

namespace HvRunner.Kvm;

/// <summary>
/// Makes a vCPU thread leave KVM_RUN, without loss and without a signal handler. The thread blocks one real-time signal; KVM_SET_SIGNAL_MASK
/// unblocks it only while the guest runs. A signal sent at any other moment stays pending and ends the next KVM_RUN before the guest executes
/// anything; the thread then takes it off the queue with sigtimedwait(2). No other signal is touched: the .NET runtime needs its own.
/// </summary>
internal sealed unsafe class VcpuKickSignal
{
    /// <summary>SIGRTMAX - 2 on Linux: neither the C library (32, 33) nor the .NET runtime (34) uses it.</summary>
    internal const int Number = 62;

    private readonly Lock _gate = new();
    private readonly int _vcpuDescriptor;
    private sigset_t _previousMask;
    private int _thread;
    private int _managedThread;
    private int _pending;

    internal VcpuKickSignal(int vcpuDescriptor)
    {
        _vcpuDescriptor = vcpuDescriptor;
    }

    /// <summary>Makes the calling thread the target. Every call is paired with <see cref="Leave"/> on the same thread.</summary>
    internal void Enter()
    {
        var only = Only();
        fixed (sigset_t* previous = &_previousMask)
        {
            CheckMask(Libc.pthread_sigmask(SIG_BLOCK, &only, previous));
        }

        var inGuest = stackalloc byte[sizeof(uint) + sizeof(ulong)];
        *(uint*)inGuest = sizeof(ulong);
        *(ulong*)(inGuest + sizeof(uint)) = _previousMask[0] & ~Bit;
        KvmCall.ThrowOnError(_vcpuDescriptor, KvmConstants.KVM_SET_SIGNAL_MASK, inGuest, "KVM_SET_SIGNAL_MASK");
        lock (_gate)
        {
            _thread = Libc.gettid();
            Volatile.Write(ref _managedThread, Environment.CurrentManagedThreadId);
        }
    }

    /// <summary>No signal is sent after this; those that were are taken off the queue before the thread's mask is what it was.</summary>
    internal void Leave()
    {
        lock (_gate)
        {
            _thread = 0;
            Volatile.Write(ref _managedThread, 0);
        }

        while (Consume())
        {
        }

        fixed (sigset_t* previous = &_previousMask)
        {
            CheckMask(Libc.pthread_sigmask(SIG_SETMASK, previous, null));
        }
    }

    /// <summary>
    /// Makes the target leave the guest, or not enter it. Calls add up to one until the target has seen it. Any thread; on the target's own, which is out of the
    /// guest and looks before it enters, there is nobody to signal.
    /// </summary>
    internal void Send()
    {
        if (Interlocked.Exchange(ref _pending, 1) != 0 || Volatile.Read(ref _managedThread) == Environment.CurrentManagedThreadId)
        {
            return;
        }

        lock (_gate)
        {
            if (_thread != 0)
            {
                _ = Libc.tgkill(Libc.getpid(), _thread, Number);
            }
        }
    }

    /// <summary>There was a <see cref="Send"/> that has not been seen to.</summary>
    internal bool IsPending => Volatile.Read(ref _pending) != 0;

    /// <summary>Waits for the next <see cref="Send"/>; none when one has not been seen to yet. The target's thread.</summary>
    internal void Wait()
    {
        var only = Only();
        while (!IsPending)
        {
            _ = Libc.sigtimedwait(&only, null, null);
        }
    }

    /// <summary>True once for each <see cref="Send"/> since the last call, or several.</summary>
    internal bool TakePending() => IsPending && Interlocked.Exchange(ref _pending, 0) != 0;

    /// <summary>Takes one queued signal; to be called after KVM_RUN was interrupted. Another would interrupt the next.</summary>
    internal static bool Consume()
    {
        var only = Only();
        var now = default(timespec);
        return Libc.sigtimedwait(&only, null, &now) == Number;
    }

    private static ulong Bit => 1UL << (Number - 1);

    private static sigset_t Only()
    {
        var set = default(sigset_t);
        set[0] = Bit;
        return set;
    }

    private static void CheckMask(int error)
    {
        if (error != 0)
        {
            throw new HostException("pthread_sigmask", error);
        }
    }
}
