using HvRunner.Abstractions;
using HvRunner.Boot.Platform;

namespace HvRunner.Boot.MpTable;

/// <summary>
/// The tables of the MultiProcessor Specification 1.4, chapter 4: the floating pointer with the configuration table right behind it. Virtual wire mode, one
/// ISA bus, no extended entries. What 8 bits cannot name, an APIC id from 255 on, is left out.
/// </summary>
public static class MpConfiguration
{
    private const int PointerBytes = 16;
    private const int SpecificationRevision = 4;
    private const int LocalApicVersion = 0x14;
    private const int IoApicVersion = 0x20;
    private const int IsaBusId = 0;
    private const int IsaInterrupts = 16;
    private const int CascadeInterrupt = 2;
    private const int AllLocalApics = 0xff;

    private const int LengthOffset = 4;
    private const int ChecksumOffset = 7;
    private const int EntryCountOffset = 34;
    private const int PointerChecksumOffset = 10;

    private enum Entry
    {
        Processor = 0,
        Bus = 1,
        IoApic = 2,
        IoInterrupt = 3,
        LocalInterrupt = 4,
    }

    private enum InterruptType
    {
        Vectored = 0,
        Nmi = 1,
        ExtInt = 3,
    }

    /// <summary>Makes the tables. Throws <see cref="ArgumentException"/> for an address that no floating pointer can have.</summary>
    /// <param name="topology">Processors and interrupt controllers.</param>
    /// <param name="processorSignature">EAX of CPUID leaf 1, the same for all processors.</param>
    /// <param name="processorFeatures">EDX of CPUID leaf 1.</param>
    /// <param name="address">
    /// Where the bytes go: a multiple of 16 below 4 GiB. It is found at 0xf0000 to 0xfffff, in the last KiB of conventional memory and in the first of the EBDA.
    /// </param>
    public static byte[] Make(InterruptTopology topology, uint processorSignature, uint processorFeatures, GuestAddress address)
    {
        ArgumentNullException.ThrowIfNull(topology);
        if (address.Value % PointerBytes != 0 || address.Value > uint.MaxValue - ushort.MaxValue)
        {
            throw new ArgumentException($"An MP floating pointer has to lie at a multiple of 16 below 4 GiB, not at {address}.", nameof(address));
        }

        var table = new TableBytes()
            .Text("PCMP", 4).UInt16(0).Byte(SpecificationRevision).Byte(0)
            .Text("HVRUN", 8).Text("HVRUN", 12)
            .UInt32(0).UInt16(0).UInt16(0).UInt32(topology.LocalApicAddress)
            .UInt16(0).Byte(0).Byte(0); // no extended table
        var count = AddProcessors(table, topology, processorSignature, processorFeatures);
        table.Byte((int)Entry.Bus).Byte(IsaBusId).Text("ISA", 6);
        count++;
        foreach (var ioApic in topology.IoApics)
        {
            table.Byte((int)Entry.IoApic).Byte(ioApic.Id).Byte(IoApicVersion).Byte(1).UInt32(ioApic.Address);
            count++;
        }

        count += AddIoInterrupts(table, topology);
        count += AddLocalInterrupts(table, topology);
        table.PatchUInt16(LengthOffset, table.Length);
        table.PatchUInt16(EntryCountOffset, count);
        table.Sum(ChecksumOffset, table.Length);

        // Feature byte 1 is 0: there is a table. Feature byte 2 is 0: no IMCR, virtual wire mode.
        var pointer = new TableBytes().Text("_MP_", 4).UInt32((uint)address.Value + PointerBytes).Byte(1).Byte(SpecificationRevision).Zeros(6);
        pointer.Sum(PointerChecksumOffset, PointerBytes);
        return pointer.Bytes(table.ToArray()).ToArray();
    }

    private static int AddProcessors(TableBytes table, InterruptTopology topology, uint signature, uint features)
    {
        const int enabled = 1, bootstrap = 2;
        var count = 0;
        for (var i = 0; i < topology.Processors.Count; i++)
        {
            if (topology.Processors[i].ApicId < AllLocalApics)
            {
                table.Byte((int)Entry.Processor).Byte((int)topology.Processors[i].ApicId).Byte(LocalApicVersion)
                    .Byte(i == 0 ? enabled | bootstrap : enabled).UInt32(signature).UInt32(features).Zeros(8);
                count++;
            }
        }

        return count;
    }

    /// <summary>Each ISA interrupt with the pin that it arrives at; the cascade between the 8259s is none.</summary>
    private static int AddIoInterrupts(TableBytes table, InterruptTopology topology)
    {
        var count = 0;
        for (var irq = 0; irq < IsaInterrupts; irq++)
        {
            var source = topology.Overrides.Where(candidate => candidate.Irq == irq).DefaultIfEmpty(new InterruptOverride((byte)irq, (uint)irq)).First();
            var ioApic = topology.IoApics.FirstOrDefault(candidate => source.Gsi >= candidate.FirstGsi && source.Gsi - candidate.FirstGsi < candidate.Pins);
            if (irq != CascadeInterrupt && ioApic.Pins != 0)
            {
                table.Byte((int)Entry.IoInterrupt).Byte((int)InterruptType.Vectored).UInt16(source.Flags)
                    .Byte(IsaBusId).Byte(irq).Byte(ioApic.Id).Byte((int)(source.Gsi - ioApic.FirstGsi));
                count++;
            }
        }

        return count;
    }

    /// <summary>The 8259 pair's INTR on LINT0, NMI on LINT1.</summary>
    private static int AddLocalInterrupts(TableBytes table, InterruptTopology topology)
    {
        var count = 0;
        void Add(InterruptType type, int pin)
        {
            table.Byte((int)Entry.LocalInterrupt).Byte((int)type).UInt16(0).Byte(IsaBusId).Byte(0).Byte(AllLocalApics).Byte(pin);
            count++;
        }

        if (topology.HasPic8259)
        {
            Add(InterruptType.ExtInt, 0);
        }

        Add(InterruptType.Nmi, 1);
        return count;
    }
}
