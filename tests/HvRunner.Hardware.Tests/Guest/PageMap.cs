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

    /// <summary>Writes all tables of the guest.</summary>
    public static void Write(Span<byte> ram)
    {
        var next = GuestLayout.Tables + GuestLayout.PageBytes;
        Range(ram, ref next, 0, 0, 0x8000, PageKind.Supervisor);
        Map(ram, ref next, GuestLayout.FrameTop - GuestLayout.PageBytes, GuestLayout.SupervisorStack, PageKind.ReadOnly);
        Map(ram, ref next, GuestLayout.Loop, GuestLayout.LoopPhysical, PageKind.Executable);
        Map(ram, ref next, GuestLayout.Cells, GuestLayout.CellsPhysical, PageKind.Writable);
        Map(ram, ref next, GuestLayout.Exit, GuestLayout.ExitPhysical, PageKind.Writable);
        Range(ram, ref next, GuestLayout.Blocks, GuestLayout.BlocksPhysical, GuestLayout.MaximumBatch * GuestLayout.BlockBytes, PageKind.Writable);
        Range(ram, ref next, GuestLayout.CodeStart, GuestLayout.CodePhysical, GuestLayout.CodeBytes, PageKind.Executable);
        for (var pair = 0; pair < GuestLayout.EdgePairs; pair++)
        {
            var offset = (ulong)(pair * 2 * GuestLayout.PageBytes);
            Map(ram, ref next, GuestLayout.EdgeCode + offset, GuestLayout.EdgeCodePhysical + offset, PageKind.Executable);
            offset += GuestLayout.PageBytes;
            Map(ram, ref next, GuestLayout.EdgeCode + offset, GuestLayout.EdgeCodePhysical + offset, GuestLayout.KindOfEdgePage(pair));
        }

        Map(ram, ref next, GuestLayout.TopPage, GuestLayout.TopPagePhysical, PageKind.Writable);
        for (var page = 0; page < GuestLayout.DataPages; page++)
        {
            var offset = (ulong)(page * GuestLayout.PageBytes);
            foreach (var place in new[] { GuestLayout.DataLow, GuestLayout.DataMiddle, GuestLayout.DataHigh })
            {
                Map(ram, ref next, place + offset, GuestLayout.DataPhysical + offset, GuestLayout.KindOfDataPage(page));
            }
        }
    }

    private static void Range(Span<byte> ram, ref ulong next, ulong linear, ulong physical, int bytes, PageKind kind)
    {
        for (ulong offset = 0; offset < (ulong)bytes; offset += GuestLayout.PageBytes)
        {
            Map(ram, ref next, linear + offset, physical + offset, kind);
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
            PageKind.Writable => Present | User | Writable | NoExecute,
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
