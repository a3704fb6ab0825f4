namespace HvRunner.Chipset.Serial;

/// <summary>Where the bytes that a guest sends on a serial port or debug console go.</summary>
public interface ISerialOutput
{
    /// <summary>
    /// Takes all of <paramref name="data"/>, in order. Called on the vCPU thread that sent it, with no device lock held, possibly on several
    /// threads at once. May block while the host's reader stalls: that is how the guest is made to wait and nothing is lost. Never
    /// throws, never allocates.
    /// </summary>
    void Write(ReadOnlySpan<byte> data);
}
