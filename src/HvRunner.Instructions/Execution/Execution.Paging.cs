// Linear to physical addresses: 32-bit, PAE, 4-level and 5-level paging, 4 KiB, 2 MiB, 4 MiB and 1 GiB pages (SDM vol. 3A, chapter 4).
// Accessed and dirty bits are set only after every check has passed, by compare-and-exchange, and the walk starts over when an entry changed
// under it. Page-directory-pointer entries of PAE paging are read from memory each time rather than held since the load of CR3.
// A caller may supply a cache (TranslationCache): it is asked before the walk and told after it.
// Deliberately not done: protection keys (CR4.PKE, PKS), shadow-stack pages.
using System.Buffers.Binary;

namespace HvRunner.Instructions;

internal ref partial struct Execution<TMemory, THost>
{
    private const ulong EntryPresent = 1;
    private const ulong EntryWritable = 2;
    private const ulong EntryUser = 4;
    private const ulong EntryAccessed = 0x20;
    private const ulong EntryDirty = 0x40;
    private const ulong EntryLarge = 0x80;
    private const ulong EntryNoExecute = 1UL << 63;
    private const ulong EntryAddress = 0x000f_ffff_ffff_f000;
    private const uint ErrorPresent = 1;
    private const uint ErrorReserved = 8;

    /// <summary>The physical address of one linear byte; records the page fault otherwise.</summary>
    private bool TryTranslatePage(ulong linear, Access access, out ulong physical)
    {
        physical = linear;
        if ((_state.Cr0 & ControlBit.Cr0Pg) == 0)
        {
            return true;
        }

        if (_cpl == 3 && (access & Access.Implicit) == 0)
        {
            access |= Access.User;
        }

        if (_translations != null && _translations.TryFind(linear, access, out physical))
        {
            return true;
        }

        if (!TryWalk(linear, access, out var page))
        {
            return false;
        }

        _translations?.Add(linear, access, page);
        physical = page.Physical;
        return true;
    }

    /// <summary>
    /// Walks the page tables for one access, as the processor does on a TLB miss: checks rights, sets accessed and dirty bits, and says where the
    /// page is and what it allows. On false the page fault is recorded and nothing is cached. At CPL 3 an access that is not
    /// <see cref="Access.Implicit"/> counts as <see cref="Access.User"/>. Without paging every page is itself with all rights.
    /// </summary>
    public bool TryWalk(ulong linear, Access access, out PageTranslation result)
    {
        if ((_state.Cr0 & ControlBit.Cr0Pg) == 0)
        {
            result = new PageTranslation(linear, 12, PageRights.User | PageRights.Writable | PageRights.Executable | PageRights.Dirty);
            return true;
        }

        if (_cpl == 3 && (access & Access.Implicit) == 0)
        {
            access |= Access.User;
        }

        var pae = (_state.Cr4 & ControlBit.Cr4Pae) != 0;
        while (true)
        {
            switch (pae ? WalkLong(linear, access, out result) : WalkLegacy(linear, access, out result))
            {
                case Outcome.Done:
                    return true;
                case Outcome.Fault:
                    return false;
            }
        }
    }

    private Outcome WalkLong(ulong linear, Access access, out PageTranslation result)
    {
        result = default;
        var isLong = (_state.Efer & ControlBit.EferLma) != 0;
        var levels = !isLong ? 3 : (_state.Cr4 & ControlBit.Cr4La57) != 0 ? 5 : 4;
        var noExecute = (_state.Efer & ControlBit.EferNxe) != 0;
        var unusable = (EntryAddress & ~_features.PhysicalAddressMask) | (noExecute ? 0 : EntryNoExecute) | (isLong ? 0 : 0x7ff0_0000_0000_0000UL);
        Span<ulong> addresses = stackalloc ulong[6];
        Span<ulong> entries = stackalloc ulong[6];

        var table = _state.Cr3 & EntryAddress & _features.PhysicalAddressMask;
        if (!isLong)
        {
            table = _state.Cr3 & 0xffff_ffe0;
        }

        var granted = EntryUser | EntryWritable;
        ulong denied = 0;
        for (var level = levels; ; level--)
        {
            var shift = 3 + (9 * level);
            var address = table + (((linear >> shift) & 511) * 8);
            var entry = ReadPhysical64(address);
            addresses[level] = address;
            entries[level] = entry;
            if ((entry & EntryPresent) == 0)
            {
                return RaisePageFault(linear, access, 0);
            }

            var reserved = unusable;
            var pointers = !isLong && level == 3;
            if (pointers)
            {
                // PAE's third level has neither rights nor accessed bit, and different reserved bits.
                reserved |= 0x1e6;
            }
            else
            {
                granted &= entry;
                denied |= entry & EntryNoExecute;
            }

            var isLeaf = level == 1 || ((entry & EntryLarge) != 0 && level <= 3 && !pointers);
            if (level >= 4)
            {
                reserved |= EntryLarge;
            }

            if (isLeaf && level > 1)
            {
                // Bit 12 is the page-attribute bit there; those between it and the frame number must be 0.
                reserved |= ((1UL << shift) - 1) & ~0x1fffUL;
            }

            if ((entry & reserved) != 0)
            {
                return RaisePageFault(linear, access, ErrorPresent | ErrorReserved);
            }

            if (!isLeaf)
            {
                table = entry & EntryAddress;
                continue;
            }

            if (!IsAllowed(access, granted, noExecute && denied != 0))
            {
                return RaisePageFault(linear, access, ErrorPresent);
            }

            var offset = (1UL << shift) - 1;
            granted |= noExecute ? denied & EntryNoExecute : 0;
            result = new PageTranslation((entry & EntryAddress & ~offset) | (linear & offset), shift, RightsOf(granted, entry, access));
            for (var used = isLong ? levels : 2; used >= level; used--)
            {
                var wanted = EntryAccessed | (used == level && (access & Access.Write) != 0 ? EntryDirty : 0);
                if (!TrySetBits(addresses[used], 8, entries[used], wanted))
                {
                    return Outcome.Again;
                }
            }

            return Outcome.Done;
        }
    }

    private Outcome WalkLegacy(ulong linear, Access access, out PageTranslation result)
    {
        result = default;
        var directoryAddress = (_state.Cr3 & 0xffff_f000) + (((linear >> 22) & 1023) * 4);
        var directory = ReadPhysical32(directoryAddress);
        if ((directory & EntryPresent) == 0)
        {
            return RaisePageFault(linear, access, 0);
        }

        var dirty = (access & Access.Write) != 0 ? EntryDirty : 0;
        if ((directory & EntryLarge) != 0 && (_state.Cr4 & ControlBit.Cr4Pse) != 0)
        {
            // PSE-36: bits 20:13 are bits 39:32 of the frame.
            var frame = (directory & 0xffc0_0000) | ((ulong)((directory >> 13) & 0xff) << 32);
            if ((directory & (1 << 21)) != 0 || (frame & ~_features.PhysicalAddressMask) != 0)
            {
                return RaisePageFault(linear, access, ErrorPresent | ErrorReserved);
            }

            if (!IsAllowed(access, directory, false))
            {
                return RaisePageFault(linear, access, ErrorPresent);
            }

            result = new PageTranslation(frame | (linear & 0x3f_ffff), 22, RightsOf(directory, directory, access));
            return TrySetBits(directoryAddress, 4, directory, EntryAccessed | dirty) ? Outcome.Done : Outcome.Again;
        }

        var entryAddress = (directory & 0xffff_f000) + (((linear >> 12) & 1023) * 4);
        var entry = ReadPhysical32(entryAddress);
        if ((entry & EntryPresent) == 0)
        {
            return RaisePageFault(linear, access, 0);
        }

        if (!IsAllowed(access, directory & entry, false))
        {
            return RaisePageFault(linear, access, ErrorPresent);
        }

        result = new PageTranslation((entry & 0xffff_f000) | (linear & 0xfff), 12, RightsOf(directory & entry, entry, access));
        return TrySetBits(directoryAddress, 4, directory, EntryAccessed) && TrySetBits(entryAddress, 4, entry, EntryAccessed | dirty)
            ? Outcome.Done
            : Outcome.Again;
    }

    /// <summary>What a page allows, from the rights that all levels grant, its last entry, and the access whose dirty bit is being set.</summary>
    private readonly PageRights RightsOf(ulong granted, ulong entry, Access access)
    {
        const ulong Rights = (ulong)(PageRights.Writable | PageRights.User);
        var kept = (ulong)PageRights.Dirty | ((_state.Cr4 & ControlBit.Cr4Pge) << 1);
        return (PageRights)((granted & Rights) | (entry & kept) | ((ulong)(access & Access.Write) << 5) | (~granted >> 63));
    }

    /// <summary>The access-rights rules of SDM vol. 3A, 4.6.1.</summary>
    private readonly bool IsAllowed(Access access, ulong granted, bool noExecute)
    {
        if ((access & Access.Fetch) != 0 && noExecute)
        {
            return false;
        }

        var writes = (access & Access.Write) != 0;
        var isUserPage = (granted & EntryUser) != 0;
        if ((access & Access.User) != 0)
        {
            return isUserPage && (!writes || (granted & EntryWritable) != 0);
        }

        if (isUserPage)
        {
            if ((access & Access.Fetch) != 0)
            {
                return (_state.Cr4 & ControlBit.Cr4Smep) == 0;
            }

            if ((_state.Cr4 & ControlBit.Cr4Smap) != 0 &&
                ((access & Access.Implicit) != 0 || (_state.Rflags & Flag.AlignmentCheck) == 0))
            {
                return false;
            }
        }

        return !writes || (granted & EntryWritable) != 0 || (_state.Cr0 & ControlBit.Cr0Wp) == 0;
    }

    private Outcome RaisePageFault(ulong linear, Access access, uint cause)
    {
        var error = cause | (uint)(access & (Access.Write | Access.User));

        // The fetch bit exists only where a page can forbid fetching.
        var nx = (_state.Cr4 & ControlBit.Cr4Pae) != 0 && (_state.Efer & ControlBit.EferNxe) != 0;
        if ((access & Access.Fetch) != 0 && (nx || (_state.Cr4 & ControlBit.Cr4Smep) != 0))
        {
            error |= (uint)Access.Fetch;
        }

        _faultAddress = linear;
        return Raise(ExceptionVector.PageFault, error);
    }

    /// <summary>Sets bits of a page-table entry unless they are set. False when the entry is not what it was: walk again.</summary>
    private readonly bool TrySetBits(ulong address, int size, ulong entry, ulong bits)
    {
        if ((entry & bits) == bits)
        {
            return true;
        }

        if (_memory.TryCompareExchange(address, size, entry, entry | bits, out var observed))
        {
            return observed == entry;
        }

        // A page table outside RAM, in ROM perhaps: the bits cannot be kept there.
        return true;
    }

    private readonly ulong ReadPhysical64(ulong address)
    {
        Span<byte> bytes = stackalloc byte[8];
        ReadPhysical(address, bytes);
        return BinaryPrimitives.ReadUInt64LittleEndian(bytes);
    }

    private readonly uint ReadPhysical32(ulong address)
    {
        Span<byte> bytes = stackalloc byte[4];
        ReadPhysical(address, bytes);
        return BinaryPrimitives.ReadUInt32LittleEndian(bytes);
    }

    private readonly void ReadPhysical(ulong address, Span<byte> bytes)
    {
        if (!_memory.TryRead(address, bytes))
        {
            bytes.Fill(0xff);
        }
    }
}
