using HvRunner.Abstractions;

namespace HvRunner.Boot.Pvh;

/// <summary>What <see cref="PvhBoot.Load"/> puts into guest memory.</summary>
public sealed record PvhBootRequest
{
    /// <summary>The kernel.</summary>
    public required PvhKernel Kernel { get; init; }

    /// <summary>The guest's RAM; all zero so far, or at least nothing that matters.</summary>
    public required IGuestMemory Memory { get; init; }

    /// <summary>What the guest is told about its memory, ascending; 1 to <see cref="PvhBoot.MaxMemoryMapEntries"/> entries. Only its RAM
    /// entries are used for anything.</summary>
    public required IReadOnlyList<MemoryMapEntry> MemoryMap { get; init; }

    /// <summary>The initial RAM disk, given to the kernel as its first module; or null.</summary>
    public IImageSource? Initrd { get; init; }

    /// <summary>The kernel's command line; an empty one is not passed at all.</summary>
    public string CommandLine { get; init; } = "";

    /// <summary>Where the boot structures go.</summary>
    public PvhAddresses Addresses { get; init; } = new();

    /// <summary>Where the machine puts ACPI's RSDP; 0 when it has no ACPI.</summary>
    public ulong RsdpAddress { get; init; }
}

/// <summary>Something that was put into guest memory.</summary>
/// <param name="Name">As in "segment 0", "initrd", "start info".</param>
/// <param name="Range">Where.</param>
public readonly record struct PlacedRange(string Name, GuestRange Range);

/// <summary>A guest ready to start.</summary>
/// <param name="Entry">The address of its first instruction; EIP.</param>
/// <param name="StartInfoAddress">The address of hvm_start_info; EBX.</param>
/// <param name="Initrd">Where the initrd went; null when there is none.</param>
/// <param name="Ranges">Everything that was written or cleared; nothing else was.</param>
public sealed record PvhBootResult(uint Entry, uint StartInfoAddress, GuestRange? Initrd, IReadOnlyList<PlacedRange> Ranges);
