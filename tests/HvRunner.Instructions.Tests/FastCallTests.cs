using HvRunner.Abstractions;

namespace HvRunner.Instructions.Tests;

/// <summary>SYSCALL, SYSRET, SYSENTER, SYSEXIT on both makers' processors.</summary>
public class FastCallTests
{
    private const ulong Entry = 0xffff_8000_0012_3000;
    private const ulong NotCanonical = 0x0000_8000_0000_0000;

    private static GuestProcessor With(GuestProcessor guest, bool intel = false)
    {
        guest.Facts.Msrs[0xc0000081] = 0x0023_0010_0016_0000;
        guest.Facts.Msrs[0xc0000082] = Entry;
        guest.Facts.Msrs[0xc0000083] = Entry + 0x100;
        guest.Facts.Msrs[0xc0000084] = 0x4_7700;
        guest.Facts.Msrs[0x174] = 0x10;
        guest.Facts.Msrs[0x175] = 0x31_0000;
        guest.Facts.Msrs[0x176] = 0x15_0000;
        if (intel)
        {
            guest.Facts.Cpuid = [new CpuidLeaf(0, 0, false, 1, 0x756e_6547, 0x6c65_746e, 0x4965_6e69)];
        }

        return guest;
    }

    private static GuestProcessor Compatibility(bool intel = false, int cpl = 3)
    {
        var guest = With(GuestProcessor.Long(cpl), intel);
        guest.State[SegmentName.Cs] = guest.State[SegmentName.Cs] with { Attributes = (ushort)(0xc09b | (cpl << 5)) };
        return guest;
    }

    private static (ushort Cs, ushort CsAttributes, ushort Ss, int Cpl) Segments(GuestProcessor guest) =>
        (guest.State[SegmentName.Cs].Selector, guest.State[SegmentName.Cs].Attributes, guest.State[SegmentName.Ss].Selector, guest.State[SegmentName.Ss].Dpl);

    [Fact]
    public void Syscall_In64BitMode_EntersAtLstar()
    {
        var guest = With(GuestProcessor.Long(3));
        guest.State.Rflags = 0x1_0703;
        var completion = guest.Run(a => a.syscall());
        Assert.Equal((CompletionKind.Completed, 0u), (completion.Kind, completion.DebugCause));
        Assert.Equal((Entry, GuestProcessor.Code + 2, 0x703UL, 3UL), (guest.State.Rip, guest[GeneralRegister.Rcx], guest[GeneralRegister.R11], guest.State.Rflags));
        Assert.Equal((0x10, 0xa09b, 0x18, 0), Segments(guest));
    }

    [Fact]
    public void Syscall_WithoutSce_IsUndefined()
    {
        var guest = With(GuestProcessor.Long(3));
        guest.State.Efer &= ~1UL;
        guest.Fault(6, null, a => a.syscall());
    }

    [Fact]
    public void Syscall_InCompatibilityMode_EntersAtCstarOnAmdOnly()
    {
        var guest = Compatibility();
        guest.Run(a => a.syscall());
        Assert.Equal((Entry + 0x100, 0xa09b), (guest.State.Rip, guest.State[SegmentName.Cs].Attributes));
        Compatibility(intel: true).Fault(6, null, a => a.syscall());
    }

    [Fact]
    public void Syscall_InLegacyMode_EntersAtStarWithIfClear()
    {
        var guest = With(GuestProcessor.Protected(3));
        guest.State.Efer = 1;
        guest.State.Rflags = 0x303;
        guest.RunBytes(0x0f, 0x05);
        Assert.Equal((0x16_0000UL, GuestProcessor.Code + 2, 0x103UL), (guest.State.Rip, guest[GeneralRegister.Rcx], guest.State.Rflags));
        Assert.Equal((0x10, 0xc09b, 0x18, 0), Segments(guest));
    }

    [Fact]
    public void Sysretq_ReturnsTo64BitCode()
    {
        var guest = With(GuestProcessor.Long());
        guest[GeneralRegister.Rcx] = 0x40_0000;
        guest[GeneralRegister.R11] = 0xffff_ffff;
        guest.Run(a => a.sysretq());
        Assert.Equal((0x40_0000UL, 0x3c_7fd7UL), (guest.State.Rip, guest.State.Rflags));
        Assert.Equal((0x33, 0xa0fb, 0x2b, 3), Segments(guest));
    }

    [Fact]
    public void Sysretd_ReturnsToCompatibilityCode()
    {
        var guest = With(GuestProcessor.Long());
        guest[GeneralRegister.Rcx] = 0x1_0040_0000;
        guest[GeneralRegister.R11] = 0x202;
        guest.RunBytes(0x0f, 0x07);
        Assert.Equal((0x40_0000UL, 0x202UL), (guest.State.Rip, guest.State.Rflags));
        Assert.Equal((0x23, 0xc0fb, 0x2b, 3), Segments(guest));
    }

    [Fact]
    public void Sysretq_ToNonCanonical_FaultsInKernelOnIntelOnly()
    {
        var guest = With(GuestProcessor.Long());
        guest[GeneralRegister.Rcx] = NotCanonical;
        Assert.Equal(CompletionKind.Completed, guest.Run(a => a.sysretq()).Kind);
        guest = With(GuestProcessor.Long(), intel: true);
        guest[GeneralRegister.Rcx] = NotCanonical;
        guest.Fault(13, 0, a => a.sysretq());
    }

    [Fact]
    public void Sysret_AboveRing0_IsGeneralProtection() => With(GuestProcessor.Long(3)).Fault(13, 0, a => a.sysretq());

    [Fact]
    public void Sysret_InLegacyMode_SetsIf()
    {
        var guest = With(GuestProcessor.Protected());
        guest.State.Efer = 1;
        guest[GeneralRegister.Rcx] = 0x40_0000;
        guest.RunBytes(0x0f, 0x07);
        Assert.Equal((0x40_0000UL, 0x202UL), (guest.State.Rip, guest.State.Rflags));
        Assert.Equal((0x23, 0xc0fb, 0x2b, 3), Segments(guest));
    }

    [Fact]
    public void Sysenter_InProtectedMode_LoadsFromMsrs()
    {
        var guest = With(GuestProcessor.Protected(3));
        guest.State.Rflags = 0x203;
        guest.Run(a => a.sysenter());
        Assert.Equal((0x15_0000UL, 0x31_0000UL, 3UL), (guest.State.Rip, guest[GeneralRegister.Rsp], guest.State.Rflags));
        Assert.Equal((0x10, 0xc09b, 0x18, 0), Segments(guest));
    }

    [Fact]
    public void Sysenter_InLongMode_IsUndefinedOnAmdOnly()
    {
        With(GuestProcessor.Long(3)).Fault(6, null, a => a.sysenter());
        var guest = With(GuestProcessor.Long(3), intel: true);
        guest.Run(a => a.sysenter());
        Assert.Equal((0x10, 0xa09b, 0x18, 0), Segments(guest));
    }

    [Fact]
    public void Sysenter_WithNullSelectorOrInRealMode_IsGeneralProtection()
    {
        var guest = With(GuestProcessor.Protected(3));
        guest.Facts.Msrs[0x174] = 3;
        guest.Fault(13, 0, a => a.sysenter());
        With(GuestProcessor.Real()).Fault(13, null, a => a.sysenter());
    }

    [Fact]
    public void Sysexit_ReturnsToRing3()
    {
        var guest = With(GuestProcessor.Protected());
        guest[GeneralRegister.Rdx] = 0x40_0000;
        guest[GeneralRegister.Rcx] = 0x2f_0000;
        guest.RunBytes(0x0f, 0x35);
        Assert.Equal((0x40_0000UL, 0x2f_0000UL), (guest.State.Rip, guest[GeneralRegister.Rsp]));
        Assert.Equal((0x23, 0xc0fb, 0x2b, 3), Segments(guest));
        With(GuestProcessor.Protected(3)).Fault(13, 0, a => a.db(0x0f, 0x35));
    }

    [Fact]
    public void Sysexitq_OnIntel_ReturnsTo64BitCode()
    {
        var guest = With(GuestProcessor.Long(), intel: true);
        guest[GeneralRegister.Rdx] = 0x40_0000;
        guest[GeneralRegister.Rcx] = 0x2f_0000;
        guest.Run(a => a.sysexitq());
        Assert.Equal((0x33, 0xa0fb, 0x3b, 3), Segments(guest));
        guest = With(GuestProcessor.Long(), intel: true);
        guest[GeneralRegister.Rdx] = NotCanonical;
        guest.Fault(13, 0, a => a.sysexitq());
    }
}
