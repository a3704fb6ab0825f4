using System.Buffers.Binary;
using HvRunner.Boot.Elf;

namespace HvRunner.Boot.Pvh;

/// <summary>
/// The note that makes an ELF file a PVH kernel: owner "Xen", XEN_ELFNOTE_PHYS32_ENTRY, the 32-bit physical address of the entry point
/// (Xen elfnote.h). Its descriptor has 4 bytes in some images and 8 in Linux's, whose upper half is zero.
/// Not used: PHYS32_RELOC, because every image is loaded where it is linked.
/// </summary>
/// <param name="Address">The entry point.</param>
/// <param name="DescriptorSize">4 or 8 bytes.</param>
/// <param name="InSegment">Found in a PT_NOTE segment; else in an SHT_NOTE section.</param>
internal readonly record struct PvhEntryNote(uint Address, uint DescriptorSize, bool InSegment)
{
    public const string Owner = "Xen";
    public const uint Type = 18;

    private const uint GuestOs = 6;

    /// <summary>Finds the entry point; null, with the reasons noted, when there is not exactly one.</summary>
    public static PvhEntryNote? Find(ElfNotes notes, InputFaults faults)
    {
        var found = notes.Find(Owner, Type);
        for (var i = 0; i < notes.Faults.Count; i++)
        {
            faults.Add(notes.Faults[i]);
        }

        if (found.Count == 0)
        {
            faults.Add(IsLinux(notes)
                ? "this Linux kernel has no PVH entry point (a note of owner Xen and type 18, PHYS32_ENTRY); build it with CONFIG_PVH=y."
                : "the kernel has no PVH entry point: a note of owner Xen and type 18 (PHYS32_ENTRY) was expected, and there is none.");
            return null;
        }

        PvhEntryNote? entry = null;
        Span<byte> descriptor = stackalloc byte[8];
        for (var i = 0; i < found.Count; i++)
        {
            descriptor.Clear();
            if (found[i].DescriptorSize is not (4 or 8) || !notes.TryReadDescriptor(found[i], descriptor[..(int)found[i].DescriptorSize]))
            {
                faults.Add($"the PVH entry note's descriptor has {found[i].DescriptorSize} bytes, but 4 or 8 were expected.");
                continue;
            }

            var address = BinaryPrimitives.ReadUInt64LittleEndian(descriptor);
            if (address > uint.MaxValue)
            {
                faults.Add($"the PVH entry note names 0x{address:x}, but the entry point is a physical address of 32 bits; put the " +
                    "physical address of the code into the note.");
                continue;
            }

            if (entry is { } first && first.Address != address)
            {
                faults.Add($"two PVH entry notes name different entry points, 0x{first.Address:x} and 0x{address:x}; link only one into the kernel.");
                continue;
            }

            entry ??= new PvhEntryNote((uint)address, found[i].DescriptorSize, found[i].InSegment);
        }

        return entry;
    }

    /// <summary>True for Linux, by the notes that every Linux since 4.19 has, or that one built for Xen has.</summary>
    public static bool IsLinux(ElfNotes notes) =>
        AnyLinux(notes, notes.InSegments) || (notes.InSegments.Count == 0 && AnyLinux(notes, notes.InSections));

    private static bool AnyLinux(ElfNotes notes, IReadOnlyList<ElfNote> list)
    {
        Span<byte> name = stackalloc byte[5];
        for (var i = 0; i < list.Count; i++)
        {
            if (list[i].Owner == "Linux" ||
                (list[i].Owner == Owner && list[i].Type == GuestOs && notes.TryReadDescriptor(list[i], name) && name.SequenceEqual("linux"u8)))
            {
                return true;
            }
        }

        return false;
    }
}
