using HvRunner.Abstractions;

namespace HvRunner.Boot;

/// <summary>What a range of guest-physical addresses is, with the numbers that PVH's memory map and ACPI share (Xen hvm/start_info.h).</summary>
public enum MemoryMapType
{
    /// <summary>Free for the kernel.</summary>
    Ram = 1,

    /// <summary>Not to be used.</summary>
    Reserved = 2,

    /// <summary>ACPI tables; free once they were read.</summary>
    Acpi = 3,

    /// <summary>ACPI's non-volatile storage.</summary>
    AcpiNvs = 4,

    /// <summary>Memory with errors.</summary>
    Unusable = 5,

    /// <summary>Memory that is not switched on.</summary>
    Disabled = 6,

    /// <summary>Persistent memory.</summary>
    PersistentMemory = 7,
}

/// <summary>One entry of the memory map that the guest is told.</summary>
/// <param name="Address">The first address.</param>
/// <param name="SizeBytes">Its length in bytes.</param>
/// <param name="Type">What it is.</param>
public readonly record struct MemoryMapEntry(GuestAddress Address, ulong SizeBytes, MemoryMapType Type);
