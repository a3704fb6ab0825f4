namespace HvRunner.Abstractions;

/// <summary>How a device took an access. Nothing a guest does to a device is an exception.</summary>
public enum IoStatus
{
    /// <summary>The access was taken; on a read the data is filled in.</summary>
    Ok,

    /// <summary>No register answers there: reads give all-ones, writes are dropped, both count as unclaimed.</summary>
    Unclaimed,

    /// <summary>A register is there but not for this width or alignment: reads give all-ones, writes are dropped, logged at a bounded rate.</summary>
    BadAccess,
}

/// <summary>
/// One device's registers on a bus, port or memory alike. The address space calls it on the vCPU thread that made the access,
/// possibly on several at once: a device has one lock of its own and never holds it while it waits for the host.
/// Neither member throws for anything that a guest can send, allocates, or blocks longer than the device's contract says.
/// </summary>
public interface IBusDevice
{
    /// <summary>What logs, traces and overlap errors call the device: short, lower case, stable ("com1", "pit").</summary>
    string Name { get; }

    /// <summary>The guest reads <c>data.Length</c> bytes (1, 2, 4 or 8) at <paramref name="offset"/> from the region's first address.</summary>
    IoStatus Read(ulong offset, Span<byte> data);

    /// <summary>The guest writes <c>data.Length</c> bytes (1, 2, 4 or 8) at <paramref name="offset"/> from the region's first address.</summary>
    IoStatus Write(ulong offset, ReadOnlySpan<byte> data);
}
