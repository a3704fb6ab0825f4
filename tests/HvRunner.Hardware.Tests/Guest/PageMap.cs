using System.Buffers.Binary;

namespace HvRunner.Hardware.Tests.Guest;

/// <summary>Four-level page tables in the guest's RAM (SDM vol. 3A, 4.5), with accessed and dirty bits set beforehand.</summary>
internal static class PageMap
{
    private const ulong Present = 1;
    private const ulong Writable = 2;
    private const ulong User = 4;
    private const ulong AccessedDirty = 0x60;
    private const ulong NoExecute = 1UL << 63;
    private const ulong AddressMask = 0x000f_ffff_ffff_f000;

    /// <summary>What is mapped where.</summary>
    /// <param name="hasTopPage">The page at the end of canonical addresses is there, which no process of Linux may have.</param>
    public static IEnumerable<Region> Regions(bool hasTopPage)
    {
        yield return new Region(0, 0, 0x8000, PageKind.Supervisor);
        yield return new Region(GuestLayout.FrameTop - GuestLayout.PageBytes, GuestLayout.SupervisorStack, GuestLayout.PageBytes, PageKind.ReadOnly);
        yield return new Region(GuestLayout.Loop, GuestLayout.LoopPhysical, GuestLayout.PageBytes, PageKind.Executable);
        yield return new Region(GuestLayout.Cells, GuestLayout.CellsPhysical, GuestLayout.PageBytes, PageKind.Writable);
        yield return new Region(GuestLayout.Exit, GuestLayout.ExitPhysical, GuestLayout.PageBytes, PageKind.Device);
        yield return new Region(GuestLayout.Blocks, GuestLayout.BlocksPhysical, GuestLayout.MaximumBatch * GuestLayout.BlockBytes, PageKind.Writable);
        yield return new Region(GuestLayout.CodeStart, GuestLayout.CodePhysical, GuestLayout.CodeBytes, PageKind.Executable);
        for (var page = 0; page < GuestLayout.EdgePairs * 2; page++)
        {
            var offset = (ulong)(page * GuestLayout.PageBytes);
            var kind = page % 2 == 0 ? PageKind.Executable : GuestLayout.KindOfEdgePage(page / 2);
            yield return new Region(GuestLayout.EdgeCode + offset, GuestLayout.EdgeCodePhysical + offset, GuestLayout.PageBytes, kind);
        }

        if (hasTopPage)
        {
            yield return new Region(GuestLayout.TopPage, GuestLayout.TopPagePhysical, GuestLayout.PageBytes, PageKind.Writable);
        }

        for (var page = 0; page < GuestLayout.DataPages; page++)
        {
            var offset = (ulong)(page * GuestLayout.PageBytes);
            var kind = GuestLayout.KindOfDataPage(page);
            yield return new Region(GuestLayout.DataLow + offset, GuestLayout.DataPhysical + offset, GuestLayout.PageBytes, kind);
            yield return new Region(GuestLayout.DataMiddle + offset, GuestLayout.DataPhysical + offset, GuestLayout.PageBytes, kind);
            yield return new Region(GuestLayout.DataHigh + offset, GuestLayout.DataPhysical + offset, GuestLayout.PageBytes, kind);
        }
    }

    /// <summary>Writes all tables of the guest.</summary>
    public static void Write(Span<byte> ram, bool hasTopPage)
    {
        var next = GuestLayout.Tables + GuestLayout.PageBytes;
        foreach (var region in Regions(hasTopPage))
        {
            for (ulong offset = 0; offset < (ulong)region.Bytes; offset += GuestLayout.PageBytes)
            {
                Map(ram, ref next, region.Linear + offset, region.Physical + offset, region.Kind);
            }
        }
    }

    private static void Map(Span<byte> ram, ref ulong next, ulong linear, ulong physical, PageKind kind)
    {
        var table = GuestLayout.Tables;
        for (var level = 4; level > 1; level--)
        {
            var at = Slot(ram, table, linear, level);
            var entry = BinaryPrimitives.ReadUInt64LittleEndian(at);
            if (entry == 0)
            {
                entry = next | Present | Writable | User | AccessedDirty;
                next += GuestLayout.PageBytes;
                if (next > GuestLayout.TablesEnd)
                {
                    throw new InvalidOperationException("the guest's page tables do not fit their place");
                }

                BinaryPrimitives.WriteUInt64LittleEndian(at, entry);
            }

            table = entry & AddressMask;
        }

        var rights = kind switch
        {
            PageKind.Writable or PageKind.Device => Present | User | Writable | NoExecute,
            PageKind.ReadOnly => Present | User | NoExecute,
            PageKind.Executable => Present | User,
            PageKind.Supervisor => Present | Writable,
            _ => 0UL,
        };
        BinaryPrimitives.WriteUInt64LittleEndian(Slot(ram, table, linear, 1), physical | rights | AccessedDirty);
    }

    private static Span<byte> Slot(Span<byte> ram, ulong table, ulong linear, int level) =>
        ram[(int)(table + (((linear >> (3 + (9 * level))) & 511) * 8))..];
}

/// <summary>Pages with the same rights in one piece.</summary>
/// <param name="Linear">Where they are seen.</param>
/// <param name="Physical">Where they lie in RAM; a device lies outside.</param>
/// <param name="Bytes">Whole pages.</param>
/// <param name="Kind">What ring 3 may do there.</param>
internal readonly record struct Region(ulong Linear, ulong Physical, int Bytes, PageKind Kind);
