using System.Buffers.Binary;

namespace HvRunner.Instructions.ProcessorTests;

/// <summary>Page tables for a fuzzed mode: low memory mapped to itself, then entries that point anywhere.</summary>
internal static class FuzzTables
{
    private const ulong Rights = 7;

    public static void Fill(Span<byte> low, ulong root, FuzzMode mode, Random random, Func<ulong> anyAddress)
    {
        switch (mode)
        {
            case FuzzMode.Paged:
                Write32(low, root, (root + 0x1000) | Rights);
                Write32(low, root + 4, 0x80 | Rights);
                for (ulong page = 0; page < 0x42; page++)
                {
                    Write32(low, root + 0x1000 + (page * 4), (page << 12) | Some(random));
                }

                break;
            case FuzzMode.PagedPae:
                Write64(low, root, (root + 0x1000) | 1);
                Write64(low, root + 8, (root + 0x1000) | 1);
                FillLong(low, root + 0x1000, random);
                break;
            default:
                Write64(low, root, (root + 0x4000) | Rights);
                Write64(low, root + (511 * 8), (root + 0x4000) | Rights);
                Write64(low, root + 0x4000, (root + 0x1000) | Rights);
                Write64(low, root + 0x4000 + 8, 0x80 | Rights);
                Write64(low, root + 0x4000 + (511 * 8), (root + 0x1000) | Rights);
                FillLong(low, root + 0x1000, random);
                break;
        }

        // Damage: entries to anywhere, with reserved bits, and tables that are code or themselves.
        for (var i = random.Next(12); i > 0; i--)
        {
            var table = root + ((ulong)random.Next(5) << 12);
            var slot = (ulong)(random.Next(2) == 0 ? random.Next(8) : random.Next(0x42)) * 8;
            var target = random.Next(3) switch { 0 => root + ((ulong)random.Next(5) << 12), 1 => anyAddress() & 0x3fff_ffff_f000, _ => anyAddress() };
            Write64(low, table + slot, (target & ~0xfffUL) | Some(random) | (random.Next(8) == 0 ? (ulong)random.Next(0x1000) : 0) | (random.Next(8) == 0 ? 1UL << 63 : 0));
        }
    }

    private static void FillLong(Span<byte> low, ulong directory, Random random)
    {
        Write64(low, directory, (directory + 0x1000) | Rights);
        Write64(low, directory + 8, 0x80 | Rights);
        Write64(low, directory + (511 * 8), (directory + 0x1000) | Rights);
        for (ulong page = 0; page < 0x42; page++)
        {
            Write64(low, directory + 0x1000 + (page * 8), (page << 12) | Some(random));
        }

        Write64(low, directory + 0x1000 + (0x50 * 8), FuzzCase.HighStart | Rights);
        Write64(low, directory + 0x1000 + (0x51 * 8), FuzzCase.TopStart | Rights);
        Write64(low, directory + 0x1000 + (511 * 8), 0x10000 | Rights);
    }

    private static ulong Some(Random random) => random.Next(12) switch { 0 => 0, 1 => 1, 2 => 3, 3 => 5, 4 => 0x107, _ => Rights };

    private static void Write32(Span<byte> low, ulong address, ulong value) => BinaryPrimitives.WriteUInt32LittleEndian(low[(int)address..], (uint)value);

    private static void Write64(Span<byte> low, ulong address, ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(low[(int)address..], value);
}
