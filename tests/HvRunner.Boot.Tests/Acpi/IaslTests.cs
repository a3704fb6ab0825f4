using System.Text.RegularExpressions;
using HvRunner.Boot.Acpi;

namespace HvRunner.Boot.Tests.Acpi;

/// <summary>ACPI's own compiler understands each table, has nothing against it, and makes the same bytes of what it understood.</summary>
public sealed partial class IaslTests
{
    private const int ChecksumOffset = 9;
    private const int CompilerOffset = 28;
    private const int HeaderBytes = 36;

    [IaslTheory]
    [InlineData(1)]
    [InlineData(16)]
    [InlineData(300)]
    public void EveryTable_IsDisassembledAndCompiledToTheSameBytes(int processors)
    {
        var tables = TestBoards.Make(TestBoards.Board(processors)).Tables;
        Assert.Equal(8, tables.Count);

        // The compiler does not take an RSDP for a table.
        foreach (var table in tables.Where(table => table.Signature != "RSD PTR "))
        {
            RoundTrip(table, _ => { });
        }
    }

    [IaslTheory]
    [InlineData(false)]
    [InlineData(true)]
    public void Fadt_SaysFixedHardwareWithWhatThereIs(bool wideTimer)
    {
        var board = TestBoards.Board();
        board = board with { FixedHardware = board.FixedHardware with { PmTimerIs32Bit = wideTimer } };
        RoundTrip(TestBoards.Make(board).Tables.Single(table => table.Signature == "FACP"), text =>
        {
            string[] facts =
            [
                "Hardware Reduced (V5) : 0", "Legacy Devices Supported (V2) : 1", "8042 Present on ports 60/64 (V2) : 1", "Reset Register Supported (V2) : 1",
                $"32-bit PM Timer (V1) : {(wideTimer ? 1 : 0)}", "Control Method Power Button (V1) : 0", "Control Method Sleep Button (V1) : 1",
                "SCI Interrupt : 0009", "PM1A Event Block Address : 00000600", "PM1A Control Block Address : 00000604", "PM Timer Block Address : 00000608",
                "Value to cause reset : 06", "RTC Century Index : 32",
            ];
            Assert.All(facts, fact => Assert.Contains(fact, Blanks().Replace(text, " "), StringComparison.Ordinal));
        });
    }

    [IaslTheory]
    [InlineData("Name (_S5, Package (0x04)")]
    [InlineData("EisaId (\"PNP0501\") /* 16550A-compatible COM Serial Port */")]
    [InlineData("Name (_UID, One)")]
    [InlineData("IO (Decode16, 0x03F8, // Range Minimum 0x03F8, // Range Maximum 0x01, // Alignment 0x08, // Length )")]
    [InlineData("IRQNoFlags () {8}")]
    [InlineData("Memory32Fixed (ReadWrite, 0xFED00000, // Address Base 0x00000400, // Address Length )")]
    [InlineData("Name (_HID, \"QEMU0001\")")]
    public void Dsdt_SaysInTheLanguageOfAcpi(string phrase)
    {
        RoundTrip(
            TestBoards.Make(TestBoards.Board()).Tables.Single(table => table.Signature == "DSDT"),
            text => Assert.Contains(phrase, Blanks().Replace(text, " "), StringComparison.Ordinal));
    }

    [IaslTheory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(60)]
    [InlineData(400)]
    public void Dsdt_WithManyDevices_HasRightPackageLengths(int count)
    {
        var devices = Enumerable.Range(0, count).Select(i => new AcpiDevice($"D{i:X3}", "PNP0C02", [new AcpiPorts((ushort)i, 1)]) { UniqueId = (byte)i });
        var board = TestBoards.Board() with { Devices = [.. devices] };
        RoundTrip(TestBoards.Make(board).Tables.Single(table => table.Signature == "DSDT"), text =>
            Assert.Equal(count, Regex.Count(text, @"Device \(")));
    }

    private static void RoundTrip(AcpiTable table, Action<string> check)
    {
        var folder = Directory.CreateTempSubdirectory("hvrun-acpi-").FullName;
        try
        {
            var content = table.Content.ToArray();
            File.WriteAllBytes(Path.Combine(folder, "table.dat"), content);
            Iasl.Run(folder, "-d", "table.dat");
            var text = File.ReadAllText(Path.Combine(folder, "table.dsl"));
            Assert.DoesNotContain("Incorrect checksum", text, StringComparison.OrdinalIgnoreCase);
            check(text);
            var said = Iasl.Run(folder, "-p", "again", "table.dsl");
            Assert.Contains("0 Errors, 0 Warnings", said, StringComparison.Ordinal);
            Assert.Equal(Comparable(content, table.Signature), Comparable(File.ReadAllBytes(Path.Combine(folder, "again.aml")), table.Signature));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>A compiler puts its own name and version into a header.</summary>
    private static byte[] Comparable(byte[] content, string signature)
    {
        if (signature != "FACS")
        {
            content[ChecksumOffset] = 0;
            content.AsSpan(CompilerOffset..HeaderBytes).Clear();
        }

        return content;
    }

    [GeneratedRegex(@"\s+")]
    private static partial Regex Blanks();
}
