using HvRunner.Boot.Platform;

namespace HvRunner.Boot.Acpi;

/// <summary>The generic address structure of 12 bytes (ACPI 6.5, section 5.2.3.2).</summary>
internal static class GenericAddress
{
    private const int SystemMemory = 0;
    private const int SystemIo = 1;

    /// <summary>A register block of ports.</summary>
    /// <param name="table">The table in the making.</param>
    /// <param name="port">The first port; 0 for a block that is absent.</param>
    /// <param name="bits">Its width in bits.</param>
    /// <param name="accessSize">1 for bytes, 2 for words, 3 for double words.</param>
    public static TableBytes Ports(this TableBytes table, ushort port, int bits, int accessSize) => port == 0
        ? table.Zeros(12)
        : table.Byte(SystemIo).Byte(bits).Byte(0).Byte(accessSize).UInt64(port);

    /// <summary>Registers in memory, in any width.</summary>
    public static TableBytes Memory(this TableBytes table, ulong address) => table.Byte(SystemMemory).Byte(0).Byte(0).Byte(0).UInt64(address);
}
