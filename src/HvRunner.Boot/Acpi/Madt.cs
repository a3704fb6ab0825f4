using HvRunner.Boot.Platform;

namespace HvRunner.Boot.Acpi;

/// <summary>
/// The multiple APIC description table (ACPI 6.5, section 5.2.12): local APICs, IO-APICs, what is wired other than ISA says, and NMI on every processor's
/// LINT1. A processor whose APIC id does not fit 8 bits gets an x2APIC entry.
/// </summary>
internal static class Madt
{
    private const int Revision = 5;
    private const int PcAtCompatible = 1;
    private const int Enabled = 1;
    private const int IsaBus = 0;
    private const int NmiPin = 1;
    private const int AllProcessors = 0xff;

    private enum Entry
    {
        LocalApic = 0,
        IoApic = 1,
        InterruptSourceOverride = 2,
        LocalApicNmi = 4,
        LocalX2Apic = 9,
        LocalX2ApicNmi = 10,
    }

    public static byte[] Make(InterruptTopology topology)
    {
        var table = AcpiTable.Open("APIC", Revision).UInt32(topology.LocalApicAddress).UInt32(topology.HasPic8259 ? PcAtCompatible : 0u);
        for (var i = 0; i < topology.Processors.Count; i++)
        {
            var apicId = topology.Processors[i].ApicId;
            if (NeedsX2Apic(apicId) || i >= AllProcessors)
            {
                Open(table, Entry.LocalX2Apic, 16).UInt16(0).UInt32(apicId).UInt32(Enabled).UInt32((uint)i);
            }
            else
            {
                Open(table, Entry.LocalApic, 8).Byte(i).Byte((int)apicId).UInt32(Enabled);
            }
        }

        foreach (var ioApic in topology.IoApics)
        {
            Open(table, Entry.IoApic, 12).Byte(ioApic.Id).Byte(0).UInt32(ioApic.Address).UInt32(ioApic.FirstGsi);
        }

        foreach (var source in topology.Overrides)
        {
            Open(table, Entry.InterruptSourceOverride, 10).Byte(IsaBus).Byte(source.Irq).UInt32(source.Gsi).UInt16(source.Flags);
        }

        Open(table, Entry.LocalApicNmi, 6).Byte(AllProcessors).UInt16(0).Byte(NmiPin);
        if (topology.Processors.Any(processor => NeedsX2Apic(processor.ApicId)) || topology.Processors.Count > AllProcessors)
        {
            Open(table, Entry.LocalX2ApicNmi, 12).UInt16(0).UInt32(uint.MaxValue).Byte(NmiPin).Zeros(3);
        }

        return AcpiTable.Close(table);
    }

    private static bool NeedsX2Apic(uint apicId) => apicId >= AllProcessors;

    private static TableBytes Open(TableBytes table, Entry type, int length) => table.Byte((int)type).Byte(length);
}
