namespace HvRunner.Instructions;

/// <summary>
/// Guest-physical memory as the executor sees it: RAM and devices behind one door. Implemented by structs, so that the generic executor calls
/// it without indirection. Addresses are the guest's and may be anything below 2^52; nothing here throws for one. An access never crosses a
/// 4 KiB page.
/// </summary>
public interface IPhysicalMemory
{
    /// <summary>Reads RAM or a device. Where nothing answers, the bytes are 0xff; false says so and is otherwise ignored.</summary>
    bool TryRead(ulong physicalAddress, Span<byte> data);

    /// <summary>Writes RAM or a device. Where nothing answers, the write is lost; false says so and is otherwise ignored.</summary>
    bool TryWrite(ulong physicalAddress, ReadOnlySpan<byte> data);

    /// <summary>
    /// One locked compare-and-exchange of <paramref name="size"/> (1, 2, 4 or 8) bytes. False when this is no RAM or is not naturally aligned:
    /// the executor then reads and writes in turn, which is not atomic towards other processors.
    /// </summary>
    bool TryCompareExchange(ulong physicalAddress, int size, ulong expected, ulong desired, out ulong observed);

    /// <summary>As the other form, for 16 bytes on a 16-byte boundary.</summary>
    bool TryCompareExchange(ulong physicalAddress, UInt128 expected, UInt128 desired, out UInt128 observed);
}
