using HvRunner.Abstractions;
using HvRunner.Boot.Platform;

namespace HvRunner.Boot.Acpi;

/// <summary>
/// The fixed ACPI description table, revision 6.3 (ACPI 6.5, section 5.2.9), of a machine with fixed hardware: not hardware-reduced. There is no SMI
/// and so no legacy mode to leave; no general-purpose events, no PM1b, no PM2, no sleep but S5.
/// </summary>
internal static class Fadt
{
    private const int Revision = 6;
    private const int MinorRevision = 3;

    // Latencies beyond the limits of 100 and 1000 us say that C2 and C3 are not supported.
    private const int NoC2 = 0x0fff;
    private const int NoC3 = 0x0fff;

    private const int Pm1EventBytes = 4;
    private const int Pm1ControlBytes = 2;
    private const int PmTimerBytes = 4;

    [Flags]
    private enum Features : uint
    {
        Wbinvd = 1 << 0,
        ProcessorC1 = 1 << 2,
        NoFixedSleepButton = 1 << 5,
        NoFixedRtcWake = 1 << 6,
        TimerValueExtended = 1 << 8,
        ResetRegisterSupported = 1 << 10,
    }

    [Flags]
    private enum BootArchitecture
    {
        LegacyDevices = 1 << 0,
        KeyboardController8042 = 1 << 1,
        VgaNotPresent = 1 << 2,
    }

    public static byte[] Make(AcpiDescription description, GuestAddress facs, GuestAddress dsdt)
    {
        var hardware = description.FixedHardware;
        var boot = BootArchitecture.LegacyDevices | BootArchitecture.VgaNotPresent | (hardware.HasKeyboardController ? BootArchitecture.KeyboardController8042 : 0);
        var features = Features.Wbinvd | Features.ProcessorC1 | Features.NoFixedSleepButton | Features.NoFixedRtcWake | Features.ResetRegisterSupported |
            (hardware.PmTimerIs32Bit ? Features.TimerValueExtended : 0);

        // A FACS below 4 GiB stands in the 32-bit field alone: the other one must then be 0.
        var table = AcpiTable.Open("FACP", Revision)
            .UInt32((uint)facs.Value).UInt32((uint)dsdt.Value)
            .Byte(0).Byte(0) // reserved, unspecified profile
            .UInt16(hardware.SciInterrupt)
            .UInt32(0).Byte(0).Byte(0).Byte(0).Byte(0) // SMI_CMD and its values
            .UInt32(hardware.Pm1aEventPort).UInt32(0).UInt32(hardware.Pm1aControlPort).UInt32(0).UInt32(0).UInt32(hardware.PmTimerPort)
            .UInt32(0).UInt32(0) // GPE0, GPE1
            .Byte(Pm1EventBytes).Byte(Pm1ControlBytes).Byte(0).Byte(PmTimerBytes).Byte(0).Byte(0)
            .Byte(0).Byte(0) // GPE1_BASE, CST_CNT
            .UInt16(NoC2).UInt16(NoC3)
            .UInt16(0).UInt16(0).Byte(0).Byte(0) // flush, duty cycle
            .Byte(0).Byte(0).Byte(hardware.CenturyRegister)
            .UInt16((int)boot).Byte(0).UInt32((uint)features);
        AddExtended(table, hardware, dsdt);
        return AcpiTable.Close(table);
    }

    private static void AddExtended(TableBytes table, AcpiFixedHardware hardware, GuestAddress dsdt)
    {
        table.Ports(hardware.ResetPort, bits: 8, accessSize: 1).Byte(hardware.ResetValue)
            .UInt16(0).Byte(MinorRevision) // ARM boot flags
            .UInt64(0).UInt64(dsdt.Value)
            .Ports(hardware.Pm1aEventPort, bits: 8 * Pm1EventBytes, accessSize: 2)
            .Ports(0, bits: 0, accessSize: 0)
            .Ports(hardware.Pm1aControlPort, bits: 8 * Pm1ControlBytes, accessSize: 2)
            .Ports(0, bits: 0, accessSize: 0) // PM1b
            .Ports(0, bits: 0, accessSize: 0) // PM2
            .Ports(hardware.PmTimerPort, bits: 8 * PmTimerBytes, accessSize: 3)
            .Zeros(2 * 12) // GPE0, GPE1
            .Zeros(2 * 12) // sleep control and status, of hardware-reduced machines
            .UInt64(0); // hypervisor vendor
    }
}
