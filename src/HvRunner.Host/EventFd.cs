using HvRunner.Host.Interop;
using static HvRunner.Host.Interop.LibcConstants;

namespace HvRunner.Host;

/// <summary>
/// A wake-up that a thread in poll() can wait for together with other descriptors (eventfd(2), non-blocking). Signals add up and one
/// <see cref="Drain"/> takes them all. Any thread; nothing allocates.
/// </summary>
public sealed unsafe class EventFd : IDisposable
{
    private readonly FileDescriptor _descriptor = new(HostException.Check(Libc.eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd"));

    /// <summary>The descriptor's number, readable when signalled.</summary>
    public int Descriptor => _descriptor.Value;

    /// <summary>Makes the descriptor readable. Never blocks: a full counter is readable already.</summary>
    public void Signal()
    {
        ulong one = 1;
        _ = Libc.write(_descriptor.Value, &one, sizeof(ulong));
    }

    /// <summary>Takes all signals given so far.</summary>
    public void Drain()
    {
        ulong count;
        _ = Libc.read(_descriptor.Value, &count, sizeof(ulong));
    }

    /// <inheritdoc/>
    public void Dispose() => _descriptor.Dispose();
}
