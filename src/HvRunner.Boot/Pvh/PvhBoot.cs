using HvRunner.Abstractions;

namespace HvRunner.Boot.Pvh;

/// <summary>
/// Puts a PVH kernel, its initrd and everything that the protocol passes into guest memory (Xen docs/misc/pvh.pandoc, hvm/start_info.h
/// version 1). Bytes go from the file straight into guest memory, and memory that has to be zero is cleared, not written.
/// Not done: ACPI tables (the machine's), relocation, modules besides the initrd, Xen's own CPUID and hypercalls.
/// </summary>
public static class PvhBoot
{
    /// <summary>Linux 6.1 keeps 128 entries, adds one of its own, and counts in 8 bits.</summary>
    public const int MaxMemoryMapEntries = 126;

    private const ulong LowestUnmapped = 1 << 30;

    // One read of the host at a time; a multiple of every page size that matters here.
    private const int ChunkBytes = 16 << 20;

    /// <summary>
    /// Checks that everything fits, then writes it. Throws <see cref="InvalidInputException"/> with all faults before anything is written: of kind
    /// <see cref="InputFaultKind.BadInput"/> for the files and the command line, <see cref="InputFaultKind.Usage"/> for the memory's size. Throws
    /// <see cref="ArgumentException"/> when the request's addresses are not below 1 GiB.
    /// </summary>
    public static PvhBootResult Load(PvhBootRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        var at = request.Addresses;
        RequireLow(at.Gdt, PvhGdt.SizeBytes);
        RequireLow(at.StartInfo, HvmStartInfo.SizeBytes);
        RequireLow(at.ModuleList, HvmStartInfo.ModuleSizeBytes);
        RequireLow(at.MemoryMap, MaxMemoryMapEntries * HvmStartInfo.MemoryMapEntrySizeBytes);
        RequireLow(at.CommandLine, (ulong)at.CommandLineMaxBytes);

        var placement = new PvhPlacement(request);
        var memory = request.Memory;
        var kernel = request.Kernel;
        for (var i = 0; i < kernel.Segments.Count; i++)
        {
            var segment = kernel.Segments[i];
            Copy(kernel.Source, segment.FileOffset, segment.FileSize, memory, segment.Memory.Start);
            var tail = segment.Memory.SizeBytes - (ulong)segment.FileSize;
            Require(tail == 0 || memory.TryClear(new GuestRange(segment.Memory.Start + (ulong)segment.FileSize, tail)));
        }

        if (placement.Initrd is { } initrd)
        {
            Copy(request.Initrd!, 0, (long)initrd.SizeBytes, memory, initrd.Start);
        }

        WriteTables(request, placement);
        return new PvhBootResult(kernel.Entry, (uint)at.StartInfo.Value, placement.Initrd, placement.Ranges);
    }

    private static void WriteTables(PvhBootRequest request, PvhPlacement placement)
    {
        var at = request.Addresses;
        var memory = request.Memory;
        PvhGdt.Write(Writable(memory, at.Gdt, PvhGdt.SizeBytes));
        if (placement.Initrd is { } initrd)
        {
            HvmStartInfo.WriteModule(Writable(memory, at.ModuleList, HvmStartInfo.ModuleSizeBytes), initrd.Start.Value, initrd.SizeBytes);
        }

        if (placement.CommandLine.Length != 0)
        {
            Require(memory.TryWrite(at.CommandLine, placement.CommandLine));
        }

        var map = request.MemoryMap;
        var table = Writable(memory, at.MemoryMap, map.Count * HvmStartInfo.MemoryMapEntrySizeBytes);
        for (var i = 0; i < map.Count; i++)
        {
            HvmStartInfo.WriteMemoryMapEntry(table[(i * HvmStartInfo.MemoryMapEntrySizeBytes)..], map[i]);
        }

        HvmStartInfo.Write(
            Writable(memory, at.StartInfo, HvmStartInfo.SizeBytes),
            moduleCount: placement.Initrd is null ? 0u : 1u,
            moduleList: placement.Initrd is null ? 0 : at.ModuleList.Value,
            commandLine: placement.CommandLine.Length == 0 ? 0 : at.CommandLine.Value,
            rsdp: request.RsdpAddress,
            memoryMap: at.MemoryMap.Value,
            memoryMapEntries: (uint)map.Count);
    }

    private static void Copy(IImageSource source, long offset, long length, IGuestMemory memory, GuestAddress address)
    {
        while (length != 0)
        {
            var chunk = Writable(memory, address, (int)Math.Min(length, ChunkBytes));
            if (!source.TryRead(offset, chunk))
            {
                throw new InvalidInputException(
                    InputFaultKind.BadInput,
                    $"{source.Name}: 0x{chunk.Length:x} bytes at offset 0x{offset:x} are gone; the file became shorter while it was being loaded.");
            }

            offset += chunk.Length;
            length -= chunk.Length;
            address += (ulong)chunk.Length;
        }
    }

    private static Span<byte> Writable(IGuestMemory memory, GuestAddress address, int length)
    {
        Require(memory.TryGetWritableSpan(address, length, out var span));
        return span;
    }

    // The placement has checked every range against the memory, so a refusal is a fault of hvrun's own.
    private static void Require(bool done)
    {
        if (!done)
        {
            throw new InvalidOperationException("Guest memory refused a range that it had offered.");
        }
    }

    private static void RequireLow(GuestAddress address, ulong size)
    {
        if (address.Value > LowestUnmapped || size > LowestUnmapped - address.Value)
        {
            throw new ArgumentException($"A boot structure at {address} with 0x{size:x} bytes does not lie below 1 GiB.");
        }
    }
}
