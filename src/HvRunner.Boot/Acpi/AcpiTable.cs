using HvRunner.Abstractions;
using HvRunner.Boot.Platform;

namespace HvRunner.Boot.Acpi;

/// <summary>One table, finished and placed.</summary>
/// <param name="Signature">Its signature, "RSD PTR " for the root pointer.</param>
/// <param name="Address">Where it goes.</param>
/// <param name="Content">Its bytes, check sums included.</param>
public sealed record AcpiTable(string Signature, GuestAddress Address, ReadOnlyMemory<byte> Content)
{
    internal const int HeaderBytes = 36;

    internal const string OemId = "HVRUN";

    private const int LengthOffset = 4;
    private const int ChecksumOffset = 9;
    private const int OemRevision = 1;

    /// <summary>Opens a table with its header (ACPI 6.5, section 5.2.6, "System Description Table Header"); <see cref="Close"/> completes it.</summary>
    internal static TableBytes Open(string signature, byte revision) => new TableBytes()
        .Text(signature, 4).UInt32(0).Byte(revision).Byte(0)
        .Text(OemId, 6).Text(OemId, 8).UInt32(OemRevision)
        .Text("HVRN", 4).UInt32(1);

    /// <summary>Fills in length and check sum.</summary>
    internal static byte[] Close(TableBytes table)
    {
        table.PatchUInt32(LengthOffset, (uint)table.Length);
        table.Sum(ChecksumOffset, table.Length);
        return table.ToArray();
    }
}
