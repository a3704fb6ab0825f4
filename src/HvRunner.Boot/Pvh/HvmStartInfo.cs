using System.Buffers.Binary;

namespace HvRunner.Boot.Pvh;

/// <summary>
/// The structures that a PVH kernel finds through EBX (Xen hvm/start_info.h, version 1): hvm_start_info, hvm_modlist_entry and
/// hvm_memmap_table_entry. A pointer of 0 means that the thing is absent; FreeBSD takes a module list without modules for an error.
/// </summary>
internal static class HvmStartInfo
{
    public const uint Magic = 0x336e_c578;
    public const uint Version = 1;
    public const int SizeBytes = 56;
    public const int ModuleSizeBytes = 32;
    public const int MemoryMapEntrySizeBytes = 24;

    public static void Write(
        Span<byte> startInfo, uint moduleCount, ulong moduleList, ulong commandLine, ulong rsdp, ulong memoryMap, uint memoryMapEntries)
    {
        startInfo = startInfo[..SizeBytes];
        startInfo.Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(startInfo, Magic);
        BinaryPrimitives.WriteUInt32LittleEndian(startInfo[4..], Version);

        // flags (8) stay 0: they are Xen's.
        BinaryPrimitives.WriteUInt32LittleEndian(startInfo[12..], moduleCount);
        BinaryPrimitives.WriteUInt64LittleEndian(startInfo[16..], moduleList);
        BinaryPrimitives.WriteUInt64LittleEndian(startInfo[24..], commandLine);
        BinaryPrimitives.WriteUInt64LittleEndian(startInfo[32..], rsdp);
        BinaryPrimitives.WriteUInt64LittleEndian(startInfo[40..], memoryMap);
        BinaryPrimitives.WriteUInt32LittleEndian(startInfo[48..], memoryMapEntries);
    }

    public static void WriteModule(Span<byte> module, ulong address, ulong size)
    {
        module = module[..ModuleSizeBytes];
        module.Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(module, address);
        BinaryPrimitives.WriteUInt64LittleEndian(module[8..], size);
    }

    public static void WriteMemoryMapEntry(Span<byte> entry, in MemoryMapEntry from)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(entry, from.Address.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(entry[8..], from.SizeBytes);
        BinaryPrimitives.WriteUInt32LittleEndian(entry[16..], (uint)from.Type);
        BinaryPrimitives.WriteUInt32LittleEndian(entry[20..], 0);
    }
}
