using HvRunner.Host.Interop;
using static HvRunner.Host.Interop.LibcConstants;

namespace HvRunner.Host.Tests;

public class EventFdTests
{
    [Fact]
    public void Signals_AddUpAndOneDrainTakesThemAll()
    {
        using var wake = new EventFd();
        Assert.False(IsReadable(wake.Descriptor));
        wake.Drain();
        wake.Signal();
        wake.Signal();
        Assert.True(IsReadable(wake.Descriptor));
        wake.Drain();
        Assert.False(IsReadable(wake.Descriptor));
    }

    [Fact]
    public void Disposal_GivesTheDescriptorBack() => Descriptors.AssertGivenBack(() =>
    {
        var wake = new EventFd();
        wake.Dispose();
        wake.Dispose();
    });

    [Fact]
    public void RefusedCall_NamesItselfAndTheError()
    {
        var refused = new HostException("timerfd_create", EINVAL);
        Assert.Equal(EINVAL, refused.Errno);
        Assert.Contains("timerfd_create", refused.Message, StringComparison.Ordinal);
        Assert.Contains("errno 22", refused.Message, StringComparison.Ordinal);
    }

    private static unsafe bool IsReadable(int descriptor)
    {
        var polled = new pollfd { fd = descriptor, events = POLLIN };
        return Libc.poll(&polled, 1, 0) == 1 && (polled.revents & POLLIN) != 0;
    }
}
