namespace HvRunner.Instructions.ProcessorTests;

/// <summary>
/// Where things are in the twins' guest, by linear address. Handlers, tables and descriptors can be read but not written, and page tables cannot be
/// reached at all but for one, so that a program can do what it likes.
/// </summary>
internal static class TwinLayout
{
    /// <summary>The image that is made of the guest: tables and handlers to <see cref="Code"/>, then programs and data, then two more tables.</summary>
    public const int ImageBytes = 0x42000;
    public const int ProgramEnd = 0x40000;
    public const int MoreTableBytes = 0x2000;

    /// <summary>Programs and data lie so much higher in physical memory than in linear.</summary>
    public const ulong Shift = 0x20_0000;

    /// <summary>Top-level page tables; the second one maps <see cref="Swapped"/> and one page of code elsewhere.</summary>
    public const ulong FirstRoot = 0x1000;
    public const ulong SecondRoot = 0x2000;
    public const ulong LowTable = 0x5000;
    public const ulong SecondLowTable = 0x6000;
    public const ulong Gdt = 0xb000;
    public const ulong Idt = 0xc000;
    public const ulong Tss = 0xd000;
    public const ulong Handlers = 0xe000;
    public const ulong Log = 0xf000;

    /// <summary>Five pages of code in chunks; each chunk begins at a multiple of its size.</summary>
    public const ulong Code = 0x10000;
    public const ulong CodeEnd = 0x14000;
    public const ulong ChunkBytes = 128;

    /// <summary>What the second root maps in place of the last page of code: the same code, other immediates.</summary>
    public const ulong OtherCode = 0x18000;

    /// <summary>Data; behind it a page that is not there, one that is read-only, one that is a device, and one that two roots map differently.</summary>
    public const ulong Data = 0x20000;
    public const ulong Missing = 0x24000;
    public const ulong ReadOnly = 0x25000;
    public const ulong Device = 0x26000;
    public const ulong Swapped = 0x27000;
    public const ulong StackEnd = 0x2c000;
    public const ulong StackStart = 0x28000;

    /// <summary>Mapped elsewhere only: data frames that the page at <see cref="Swapped"/> may become, stacks of the handlers.</summary>
    public const ulong SpareFrames = 0x30000;
    public const ulong InterruptStackEnd = 0x38000;

    /// <summary>
    /// The code once more, writable; the low page table; the data once more. The first two are many bits away from all that a program points to:
    /// one that came upon them by chance would change page tables without INVLPG, where processors with a translation buffer may do otherwise.
    /// </summary>
    public const ulong CodeAlias = 0x17_4000;
    public const ulong TableWindow = 0x1d_b000;
    public const ulong HighData = 0xffff_8000_0002_0000;

    /// <summary>Programs and data by one 2 MiB page: the same frames, without the holes.</summary>
    public const ulong Large = 0x4000_0000;
    public const ulong DeviceFrame = 0xfee0_0000;
    public const ulong FsBase = Data + 0x800;
    public const ulong GsBase = Data + 0x1ff8;

    /// <summary>The frame behind a linear address of low memory.</summary>
    public static ulong Frame(ulong linear) => linear < Code ? linear : linear + Shift;
}
