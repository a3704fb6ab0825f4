using HvRunner.Abstractions;

namespace HvRunner.Instructions;

/// <summary>
/// Linear to physical addresses without side effects, for those who look at a stopped processor: no permission is checked, no accessed bit is
/// set (SDM vol. 3A, chapter 4). The executing walk with faults is in <c>Execution.Paging.cs</c>.
/// </summary>
public static class LinearAddress
{
    private const ulong EntryAddress = 0x000f_ffff_ffff_f000;
    private const ulong PageMask = 0xfff;

    /// <summary>Translates one address in the state's current mode; false when no page is present or the tables lie outside RAM.</summary>
    public static bool TryTranslate(ProcessorState state, IGuestMemory memory, ulong linear, out GuestAddress physical)
    {
        const ulong Paging = 1UL << 31;
        const ulong PhysicalAddressExtension = 1UL << 5;
        if ((state.Cr0 & Paging) == 0)
        {
            physical = new GuestAddress(linear & uint.MaxValue);
            return true;
        }

        return (state.Cr4 & PhysicalAddressExtension) != 0
            ? TryWalkLong(state, memory, linear, out physical)
            : TryWalkLegacy(state, memory, linear, out physical);
    }

    /// <summary>Reads what is mapped from <paramref name="linear"/> on; returns how many bytes were before the first that is not.</summary>
    public static int Read(ProcessorState state, IGuestMemory memory, ulong linear, Span<byte> destination)
    {
        var done = 0;
        while (done < destination.Length)
        {
            var at = unchecked(linear + (ulong)done);
            var piece = (int)Math.Min((ulong)(destination.Length - done), PageMask + 1 - (at & PageMask));
            if (!TryTranslate(state, memory, at, out var physical) || !memory.TryRead(physical, destination.Slice(done, piece)))
            {
                break;
            }

            done += piece;
        }

        return done;
    }

    private static bool TryWalkLong(ProcessorState state, IGuestMemory memory, ulong linear, out GuestAddress physical)
    {
        const ulong LongModeActive = 1UL << 10;
        const ulong FiveLevels = 1UL << 12;
        var levels = (state.Efer & LongModeActive) == 0 ? 3 : (state.Cr4 & FiveLevels) != 0 ? 5 : 4;
        var table = levels == 3 ? state.Cr3 & 0xffff_ffe0 : state.Cr3 & EntryAddress;
        physical = default;
        for (var level = levels; level >= 1; level--)
        {
            var shift = 12 + (9 * (level - 1));
            if (!memory.TryReadUInt64(new GuestAddress(table + (((linear >> shift) & 0x1ff) * 8)), out var entry) || (entry & 1) == 0)
            {
                return false;
            }

            if (level == 1 || (level <= 3 && levels != level && (entry & 0x80) != 0))
            {
                var offset = (1UL << shift) - 1;
                physical = new GuestAddress((entry & EntryAddress & ~offset) | (linear & offset));
                return true;
            }

            table = entry & EntryAddress;
        }

        return false;
    }

    private static bool TryWalkLegacy(ProcessorState state, IGuestMemory memory, ulong linear, out GuestAddress physical)
    {
        const ulong LargePages = 1UL << 4;
        physical = default;
        if (!memory.TryReadUInt32(new GuestAddress((state.Cr3 & 0xffff_f000) + (((linear >> 22) & 0x3ff) * 4)), out var directory) || (directory & 1) == 0)
        {
            return false;
        }

        if ((directory & 0x80) != 0 && (state.Cr4 & LargePages) != 0)
        {
            // PSE-36: bits 20:13 of the entry are bits 39:32 of the address.
            var high = (ulong)(directory & 0x001f_e000) << 19;
            physical = new GuestAddress(high | (directory & 0xffc0_0000) | (linear & 0x003f_ffff));
            return true;
        }

        if (!memory.TryReadUInt32(new GuestAddress((directory & 0xffff_f000UL) + (((linear >> 12) & 0x3ff) * 4)), out var entry) || (entry & 1) == 0)
        {
            return false;
        }

        physical = new GuestAddress((entry & 0xffff_f000UL) | (linear & PageMask));
        return true;
    }
}
