using HvRunner.Abstractions;
using HvRunner.Boot.Platform;

namespace HvRunner.Boot.Acpi;

/// <summary>
/// All of a machine's ACPI tables (ACPI 6.5, chapter 5), made from a description and placed in two areas below 4 GiB: the tables, which an operating
/// system may take back once it has read them, and the FACS, which it may not. The RSDP comes first in its area; where that starts at 0xe0000 or
/// a multiple of 16 behind it, below 1 MiB, a search of the BIOS area finds it as well.
/// </summary>
public sealed class AcpiTables
{
    private const int Alignment = 16;
    private const int FacsAlignment = 64;
    private const int FacsBytes = 64;
    private const int FacsVersion = 2;
    private const int RsdpBytes = 36;
    private const int RsdpRevision = 2;
    private const int RsdpRevision0Bytes = 20;

    private readonly List<AcpiTable> _tables = [];

    private AcpiTables()
    {
    }

    /// <summary>The tables, each where it goes; the RSDP last.</summary>
    public IReadOnlyList<AcpiTable> Tables => _tables;

    /// <summary>Where the RSDP is.</summary>
    public GuestAddress Rsdp => _tables[^1].Address;

    /// <summary>
    /// Makes the tables. Throws <see cref="ArgumentException"/> for a description that no table can hold, an area that is too small, misaligned or not
    /// below 4 GiB.
    /// </summary>
    /// <param name="description">The machine.</param>
    /// <param name="area">Where the tables may go; starts at a multiple of 16.</param>
    /// <param name="nonVolatile">Where the FACS goes; starts at a multiple of 64.</param>
    public static AcpiTables Make(AcpiDescription description, GuestRange area, GuestRange nonVolatile)
    {
        ArgumentNullException.ThrowIfNull(description);
        Require(area, Alignment, RsdpBytes);
        Require(nonVolatile, FacsAlignment, FacsBytes);
        var made = new AcpiTables();
        var next = area.Start + AlignUp(RsdpBytes);
        GuestAddress Add(string signature, byte[] content)
        {
            var address = next;
            if (!area.Contains(address, (ulong)content.Length))
            {
                throw new ArgumentException($"The ACPI tables do not fit {area}.", nameof(area));
            }

            made._tables.Add(new AcpiTable(signature, address, content));
            next += AlignUp((ulong)content.Length);
            return address;
        }

        made._tables.Add(new AcpiTable("FACS", nonVolatile.Start, Facs()));
        var dsdt = Add("DSDT", Dsdt.Make(description));
        List<GuestAddress> listed = [Add("FACP", Fadt.Make(description, nonVolatile.Start, dsdt)), Add("APIC", Madt.Make(description.Interrupts))];
        if (description.Hpet is { } hpet)
        {
            listed.Add(Add("HPET", HpetOf(hpet)));
        }

        var rsdt = Add("RSDT", ListOf("RSDT", listed, (table, address) => table.UInt32((uint)address.Value)));
        var xsdt = Add("XSDT", ListOf("XSDT", listed, (table, address) => table.UInt64(address.Value)));
        made._tables.Add(new AcpiTable("RSD PTR ", area.Start, RsdpOf(rsdt, xsdt)));
        return made;
    }

    /// <summary>Writes them. False when the memory does not hold the areas; then some may be missing.</summary>
    public bool TryWrite(IGuestMemory memory)
    {
        ArgumentNullException.ThrowIfNull(memory);
        return _tables.All(table => memory.TryWrite(table.Address, table.Content.Span));
    }

    /// <summary>Section 5.2.5.3: found by its signature, and summed twice, for readers of revision 0.</summary>
    private static byte[] RsdpOf(GuestAddress rsdt, GuestAddress xsdt)
    {
        var table = new TableBytes()
            .Text("RSD PTR ", 8).Byte(0).Text(AcpiTable.OemId, 6).Byte(RsdpRevision).UInt32((uint)rsdt.Value)
            .UInt32(RsdpBytes).UInt64(xsdt.Value).Byte(0).Zeros(3);
        table.Sum(8, RsdpRevision0Bytes);
        table.Sum(32, RsdpBytes);
        return table.ToArray();
    }

    /// <summary>Sections 5.2.7 and 5.2.8.</summary>
    private static byte[] ListOf(string signature, List<GuestAddress> addresses, Func<TableBytes, GuestAddress, TableBytes> add)
    {
        var table = AcpiTable.Open(signature, revision: 1);
        addresses.ForEach(address => add(table, address));
        return AcpiTable.Close(table);
    }

    /// <summary>Section 5.2.10: no waking vector, no global lock taken. It has no header and no check sum.</summary>
    private static byte[] Facs() => new TableBytes().Text("FACS", 4).UInt32(FacsBytes).Zeros(24).Byte(FacsVersion).Zeros(31).ToArray();

    /// <summary>IA-PC HPET specification 1.0a, section 3.2.4: pages are not protected against anything.</summary>
    private static byte[] HpetOf(HpetDescription hpet) => AcpiTable.Close(
        AcpiTable.Open("HPET", revision: 1).UInt32(hpet.BlockId).Memory(hpet.Address).Byte(0).UInt16(hpet.MinimumTicks).Byte(0));

    private static ulong AlignUp(ulong length) => (length + Alignment - 1) / Alignment * Alignment;

    private static void Require(GuestRange range, uint alignment, uint size)
    {
        var fits = range.Start.Value % alignment == 0 && range.SizeBytes >= size && range.End.Value <= 1UL << 32 && range.End > range.Start;
        if (!fits)
        {
            throw new ArgumentException($"An area for ACPI tables has to start at a multiple of {alignment}, have {size} bytes and lie below 4 GiB, unlike {range}.");
        }
    }
}
