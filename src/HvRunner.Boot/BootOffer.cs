using HvRunner.Abstractions;

namespace HvRunner.Boot;

/// <summary>One boot protocol and whether an image offers it.</summary>
/// <param name="Protocol">Its name as <c>--boot</c> takes it: "pvh".</param>
/// <param name="Offered">The image can be booted by it.</param>
/// <param name="Sentence">What was found, or everything that is missing.</param>
public sealed record BootOffer(string Protocol, bool Offered, string Sentence);

/// <summary>A segment of an image, as an inspection lists it; the values are the file's.</summary>
/// <param name="Index">Its number among the program headers.</param>
/// <param name="PhysicalAddress">p_paddr.</param>
/// <param name="VirtualAddress">p_vaddr.</param>
/// <param name="FileSize">p_filesz, in bytes.</param>
/// <param name="MemorySize">p_memsz, in bytes.</param>
/// <param name="Flags">p_flags: 1 executable, 2 writable, 4 readable.</param>
public readonly record struct SegmentFact(
    int Index, GuestAddress PhysicalAddress, ulong VirtualAddress, ulong FileSize, ulong MemorySize, uint Flags);

/// <summary>A note of an image, as an inspection lists it.</summary>
/// <param name="Owner">The owner's name, printable.</param>
/// <param name="Type">Its type, for this owner.</param>
/// <param name="DescriptorSize">Its length in bytes.</param>
/// <param name="InSegment">Found in a PT_NOTE segment; else in an SHT_NOTE section.</param>
public readonly record struct NoteFact(string Owner, uint Type, uint DescriptorSize, bool InSegment);
