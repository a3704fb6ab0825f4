using HvRunner.Abstractions;

namespace HvRunner.Instructions.Tests;

/// <summary>Descriptors, and processors whose GDT holds 8 code, 16 data, 0x18 user code, 0x20 user data.</summary>
internal static class Descriptors
{
    public const ulong Code64 = 0x00af_9b00_0000_ffff;
    public const ulong Code32 = 0x00cf_9b00_0000_ffff;
    public const ulong Data32 = 0x00cf_9300_0000_ffff;
    public const ulong Conforming = 1UL << 42;
    public const ulong Present = 1UL << 47;
    public const ulong Dpl3 = 3UL << 45;

    public static GuestProcessor Long(int cpl = 0, ExecutorOptions options = default) => WithGdt(GuestProcessor.Long(cpl, options), Code64, cpl);

    public static GuestProcessor Protected(int cpl = 0, ExecutorOptions options = default) => WithGdt(GuestProcessor.Protected(cpl, options), Code32, cpl);

    /// <summary>A call gate; parameters are counted for outer stacks of 16 and 32 bits.</summary>
    public static ulong CallGate(ulong offset, ushort selector, int dpl, int type = 12, int parameters = 0) =>
        (offset & 0xffff) | ((ulong)selector << 16) | ((ulong)parameters << 32) | ((ulong)type << 40) | ((ulong)dpl << 45) | Present |
        ((offset & 0xffff_0000) << 32);

    private static GuestProcessor WithGdt(GuestProcessor guest, ulong code, int cpl)
    {
        guest.Write64(GuestProcessor.Gdt + 8, code);
        guest.Write64(GuestProcessor.Gdt + 0x10, Data32);
        guest.Write64(GuestProcessor.Gdt + 0x18, code | Dpl3);
        guest.Write64(GuestProcessor.Gdt + 0x20, Data32 | Dpl3);
        if (cpl == 3)
        {
            guest.State[SegmentName.Cs] = guest.State[SegmentName.Cs] with { Selector = 0x1b };
            guest.State[SegmentName.Ss] = guest.State[SegmentName.Ss] with { Selector = 0x23 };
        }

        return guest;
    }
}
