using HvRunner.Fakes;
using HvRunner.Kvm.Tests.Live;
using HvRunner.Machine.Verdicts;

namespace HvRunner.Kvm.Tests.Machines;

/// <summary>What a guest finds of ACPI, and the ways out that are timers' and ACPI's.</summary>
[Collection(KvmDevice.Name)]
public class FirmwareTests
{
    /// <summary>mov eax, [ebx + 0x20]: rsdp_paddr of the start info.</summary>
    private static readonly byte[] LoadRsdp = [0x8b, 0x43, 0x20];

    /// <summary>and al, 0x3f; out exit, al; jmp $</summary>
    private static readonly byte[] ExitWithAl = [0x24, 0x3f, 0xe6, 0xf4, 0xeb, 0xfe];

    [Theory]
    [OnSoft]
    [OnKvm]
    public void Acpi_OffLeavesNeitherTablesNorHpet(Backend backend)
    {
        Assert.Equal(VerdictKind.PowerOff, Run(backend, acpi: false, [.. LoadRsdp, .. ExitWithAl]).Kind);

        // Nobody answers at the event timer's address: all ones.
        Assert.Equal(0x3f, Run(backend, acpi: false, [0xa1, 0x00, 0x00, 0xd0, 0xfe, .. ExitWithAl]).Status);
    }

    [Theory]
    [OnSoft]
    [OnKvm]
    public void Acpi_StartInfoNamesTheRsdp(Backend backend)
    {
        // mov eax, [eax]: "RSD ".
        Assert.Equal('R' & 0x3f, Run(backend, acpi: true, [.. LoadRsdp, 0x8b, 0x00, .. ExitWithAl]).Status);
    }

    [Theory]
    [OnSoft]
    [OnKvm]
    public void Acpi_HpetIsAtItsAddress(Backend backend)
    {
        // mov eax, [0xfed00000]: the revision.
        Assert.Equal(1, Run(backend, acpi: true, [0xa1, 0x00, 0x00, 0xd0, 0xfe, .. ExitWithAl]).Status);
    }

    [Theory]
    [OnSoft]
    [OnKvm]
    public void Acpi_HpetHasPinsOfTheIoApic(Backend backend)
    {
        // mov eax, [0xfed00104]; shr eax, 20: the routes that timer 0 offers, pins 20 to 23.
        Assert.Equal(0xf, Run(backend, acpi: true, [0xa1, 0x04, 0x01, 0xd0, 0xfe, 0xc1, 0xe8, 0x14, .. ExitWithAl]).Status);
    }

    [Theory]
    [OnSoft]
    [OnKvm]
    public void Acpi_MpTableIsAtItsAddress(Backend backend)
    {
        // mov eax, [0xf0000]: "_MP_".
        Assert.Equal('_' & 0x3f, Run(backend, acpi: true, [0xa1, 0x00, 0x00, 0x0f, 0x00, .. ExitWithAl]).Status);
    }

    [Theory]
    [OnSoft]
    [OnKvm]
    public void Acpi_S5_SwitchesOff(Backend backend)
    {
        // mov dx, 0xb004; mov ax, SLP_EN | 5 << 10 | SCI_EN; out dx, ax
        var verdict = Run(backend, acpi: true, [0x66, 0xba, 0x04, 0xb0, 0x66, 0xb8, 0x01, 0x34, 0x66, 0xef, .. TinyCode.Spin]);
        Assert.Equal((VerdictKind.PowerOff, "the guest switched itself off (ACPI S5)"), (verdict.Kind, verdict.Sentence));
    }

    [Theory]
    [OnSoft]
    [OnKvm]
    public void Acpi_ResetRegister_Resets(Backend backend)
    {
        // mov dx, 0xcf9; mov al, 6; out dx, al
        Assert.Equal(VerdictKind.Reset, Run(backend, acpi: true, [0x66, 0xba, 0xf9, 0x0c, 0xb0, 0x06, 0xee, .. TinyCode.Spin]).Kind);
    }

    [Theory]
    [OnSoft]
    [OnKvm]
    public void PowerButton_ReachesTheGuestThroughAcpi(Backend backend)
    {
        // mov dx, 0xb000; again: in ax, dx; test ah, 1; jz again
        byte[] code = [.. TinyCode.Say, 0x66, 0xba, 0x00, 0xb0, 0x66, 0xed, 0xf6, 0xc4, 0x01, 0x74, 0xf9, .. TinyCode.Exit(7)];
        using var rig = new MachineRig(backend, TinyKernel.Build(code), acpi: true);
        rig.StartAndHear();
        Assert.True(rig.Machine.PressPowerButton());
        Assert.Equal(7, rig.EndedWith(VerdictKind.GuestStatus).Status);
    }

    [Fact]
    public void PowerButton_WithoutAcpi_IsNotThere()
    {
        using var rig = new MachineRig(Backend.Soft, TinyKernel.Build(TinyCode.Spin));
        Assert.False(rig.Machine.PressPowerButton());
    }

    [Theory]
    [OnSoft]
    [OnKvm]
    public void Watchdog_FiresWithAPostMortem(Backend backend)
    {
        // mov dx, 0x443; mov al, 15; out dx, al: no time at all.
        using var rig = new MachineRig(backend, TinyKernel.Build([0x66, 0xba, 0x43, 0x04, 0xb0, 0x0f, 0xee, .. TinyCode.Spin]));
        rig.Start();
        rig.EndedWith(VerdictKind.Watchdog);
        Assert.NotNull(rig.End().PostMortem);
    }

    private static Verdict Run(Backend backend, bool acpi, byte[] code)
    {
        using var rig = new MachineRig(backend, TinyKernel.Build(code), acpi: acpi);
        rig.Start();
        return rig.End().Verdict;
    }
}
