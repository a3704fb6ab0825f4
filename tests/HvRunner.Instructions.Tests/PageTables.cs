using HvRunner.Abstractions;
using HvRunner.Fakes;

namespace HvRunner.Instructions.Tests;

/// <summary>Builds 4-level (or more, or fewer) page tables in guest RAM, entry by entry.</summary>
internal sealed class PageTables(ArrayGuestMemory ram, ulong root, int levels = 4)
{
    public const ulong Present = 1;
    public const ulong Writable = 2;
    public const ulong User = 4;
    public const ulong Accessed = 0x20;
    public const ulong Dirty = 0x40;
    public const ulong Large = 0x80;
    public const ulong NoExecute = 1UL << 63;

    private ulong _next = root + 0x1000;

    public void MapRange(ulong linear, ulong length, ulong flags)
    {
        for (ulong offset = 0; offset < length; offset += 4096)
        {
            Map(linear + offset, linear + offset, flags);
        }
    }

    /// <summary>Maps one page; <paramref name="level"/> 1 is 4 KiB, 2 is 2 MiB, 3 is 1 GiB.</summary>
    public void Map(ulong linear, ulong physical, ulong flags, int level = 1) =>
        Write(EntryAddress(linear, level), physical | flags | Present | (level > 1 ? Large : 0));

    /// <summary>Where the entry of a level lies; makes the tables above it.</summary>
    public ulong EntryAddress(ulong linear, int level)
    {
        var table = root;
        for (var at = levels; ; at--)
        {
            var address = table + (((linear >> (3 + (9 * at))) & 511) * 8);
            if (at == level)
            {
                return address;
            }

            var entry = Read(address);
            if ((entry & Present) == 0)
            {
                entry = _next | Present | Writable | User;
                _next += 0x1000;
                Write(address, entry);
            }

            table = entry & 0x000f_ffff_ffff_f000;
        }
    }

    public ulong Read(ulong address)
    {
        Assert.True(ram.TryReadUInt64(new GuestAddress(address), out var value));
        return value;
    }

    public void Write(ulong address, ulong value) => Assert.True(ram.TryWriteUInt64(new GuestAddress(address), value));
}
