namespace HvRunner.Hardware.Tests.Guest;

/// <summary>Where everything lies in the tiny guest, physically and in its one address space. Virtual addresses that code names as 32-bit numbers lie below 2 GiB.</summary>
internal static class GuestLayout
{
    public const int RamBytes = 8 << 20;
    public const int PageBytes = 4096;

    // The processor's own tables and ring 0, mapped one to one for the supervisor alone.
    public const ulong Gdt = 0x1000;
    public const ulong Idt = 0x2000;
    public const ulong Tss = 0x3000;
    public const ulong SupervisorStack = 0x4000;
    public const ulong SupervisorStackTop = SupervisorStack + PageBytes;
    public const ulong Stubs = 0x5000;
    public const ulong Tables = 0x2_0000;
    public const ulong TablesEnd = 0x8_0000;

    // What runs in ring 3 around the instances: a loop, its variables, ring 0's stack to read the exception frame from, the page that exits.
    public const ulong LoopPhysical = 0x8000;
    public const ulong Loop = 0x5a00_8000;
    public const ulong CellsPhysical = 0x9000;
    public const ulong Cells = 0x5a00_9000;
    public const ulong LoopStackTop = Cells + PageBytes;
    public const ulong FrameTop = 0x5a00_5000;
    public const ulong ExitPhysical = 0xd000_0000;
    public const ulong Exit = 0x5a00_f000;

    /// <summary>Input and output of every instance of a batch.</summary>
    public const int MaximumBatch = 1024;
    public const int BlockBytes = 2048;
    public const int OutputOffset = 1024;
    public const ulong BlocksPhysical = 0x40_0000;
    public const ulong Blocks = 0x5b00_0000;

    /// <summary>The instances' code: slots of 64 bytes in executable pages.</summary>
    public const int CodeSlotBytes = 64;
    public const ulong CodePhysical = 0x10_0000;
    public const ulong CodeStart = 0x3000_0000;
    public const int CodeBytes = MaximumBatch * CodeSlotBytes;

    /// <summary>Pairs of pages, the first executable, the second of every kind: for code that crosses a page.</summary>
    public const int EdgePairs = 32;
    public const ulong EdgeCodePhysical = 0x14_0000;
    public const ulong EdgeCode = 0x3100_0000;
    public const int EdgeCodeBytes = EdgePairs * 2 * PageBytes;

    /// <summary>
    /// The instances' data: a slot of 1 KiB each around its centre, every fourth centre on a page border; below it one page that ends where
    /// canonical addresses end. The same pages answer at a low address, at one above 2 GiB and at one above 4 GiB.
    /// </summary>
    public const int DataSlotBytes = 1024;
    public const ulong TopPagePhysical = 0x1f_f000;
    public const ulong TopPage = 0x0000_7fff_ffff_f000;
    public const ulong DataPhysical = 0x20_0000;
    public const int DataPages = (MaximumBatch * DataSlotBytes / PageBytes) + 2;
    public const int DataBytes = DataPages * PageBytes;
    public const int FirstCentre = PageBytes;
    public const ulong DataLow = 0x4000_0000;
    public const ulong DataMiddle = 0xc000_0000;
    public const ulong DataHigh = 0x0000_7f12_3456_7000;

    public const ushort SupervisorCode = 0x10;
    public const ushort SupervisorData = 0x18;
    public const ushort UserData = 0x2b;
    public const ushort UserCode = 0x33;
    public const ushort TaskState = 0x40;

    /// <summary>What stands in the memory behind an instance's data address.</summary>
    public static PageKind KindOfDataPage(int page) => (page % 64) switch
    {
        11 => PageKind.ReadOnly,
        23 => PageKind.Absent,
        35 => PageKind.Supervisor,
        _ => PageKind.Writable,
    };

    /// <summary>What stands behind the executable page of a pair.</summary>
    public static PageKind KindOfEdgePage(int pair) => (pair % 4) switch
    {
        0 => PageKind.Executable,
        1 => PageKind.ReadOnly,
        2 => PageKind.Absent,
        _ => PageKind.Supervisor,
    };

    /// <summary>Physical address of an instance's code address.</summary>
    public static ulong PhysicalOfCode(ulong address) => address >= EdgeCode ? address - EdgeCode + EdgeCodePhysical : address - CodeStart + CodePhysical;

    /// <summary>Virtual address of a slot's centre in one of the three places.</summary>
    public static ulong Centre(ulong place, int slot) => place + FirstCentre + ((ulong)slot * DataSlotBytes);
}

/// <summary>What ring 3 may do with a page.</summary>
internal enum PageKind
{
    /// <summary>Read and write, no fetch.</summary>
    Writable,

    /// <summary>Read only, no fetch.</summary>
    ReadOnly,

    /// <summary>Read and fetch.</summary>
    Executable,

    /// <summary>Read and write, no fetch, and no RAM behind it.</summary>
    Device,

    /// <summary>Nothing: for the supervisor alone.</summary>
    Supervisor,

    /// <summary>Nothing: not present.</summary>
    Absent,
}
