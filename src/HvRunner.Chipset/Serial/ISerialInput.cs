namespace HvRunner.Chipset.Serial;

/// <summary>Where a serial port pulls the bytes that its guest receives. What is not pulled stays with the host: that is the flow control.</summary>
public interface ISerialInput
{
    /// <summary>
    /// Moves up to <c>destination.Length</c> bytes into <paramref name="destination"/>, in order, and returns how many; 0 when nothing is there now.
    /// Never waits, throws or allocates. Called with the device's lock held, on vCPU threads and on whichever thread calls
    /// <see cref="Uart16550.InputReady"/>, so it must not call back into the device.
    /// </summary>
    int Read(Span<byte> destination);

    /// <summary>Nothing is left and nothing will ever come; false where nobody can tell. Any thread.</summary>
    bool HasEnded => false;

    /// <summary>
    /// The guest polls for input and there is none in the port: it has nothing else to do. Only an input that may hold the guest's time waits here, for what the
    /// next <see cref="Read"/> then gives. Called as <see cref="Read"/> is, on vCPU threads only.
    /// </summary>
    void Polled()
    {
    }
}
