using System.Buffers.Binary;
using System.Text;
using HvRunner.Abstractions;
using HvRunner.Boot.Elf;
using HvRunner.Boot.Pvh;
using HvRunner.Fakes;

namespace HvRunner.Boot.Tests;

/// <summary>Kernels and machines that tests start from, and the one way in which they look at faults.</summary>
internal static class TestKernels
{
    public const uint Base = 0x100000;
    public const uint Entry = 0x100020;

    /// <summary>One segment of 0x100 bytes at 1 MiB with 0x40 more that are zero, and the entry note.</summary>
    public static ElfBuilder Minimal(ElfClass elfClass = ElfClass.Elf64) =>
        new ElfBuilder(elfClass).Load(Base, Pattern(0x100), memorySize: 0x140).Notes(ElfBuilder.EntryNote(Entry));

    /// <summary>As a Linux vmlinux: four segments, one of them at virtual address 0, many notes of which the wanted one comes last, symbols.</summary>
    public static ElfBuilder LinuxLike() => AddSymbols(
        new ElfBuilder { Entry = 0x200000 }
            .Load(0x200000, Pattern(0x800), vaddr: 0xffffffff81000000, flags: 5)
            .Load(0x201000, Pattern(0x200), vaddr: 0xffffffff81001000, flags: 6)
            .Load(0x202000, Pattern(0x180), vaddr: 0, flags: 6)
            .Load(0x203000, Pattern(0x300), memorySize: 0x4000, vaddr: 0xffffffff81003000)
            .Notes(LinuxNotes()));

    public static byte[][] LinuxNotes() =>
    [
        ElfBuilder.Note("GNU\0", 3, Pattern(20)),
        ElfBuilder.Note("Linux\0", 0x100, [0, 0, 0, 0]),
        ElfBuilder.Note("Linux\0", 0x101, [0]),
        ElfBuilder.Note("GNU\0", 18, Pattern(4)),
        ElfBuilder.Note("Xen\0", 6, Encoding.ASCII.GetBytes("linux\0")),
        ElfBuilder.Note("Xen\0", 7, Encoding.ASCII.GetBytes("2.6\0")),
        ElfBuilder.Note("Xen\0", 5, Encoding.ASCII.GetBytes("xen-3.0\0")),
        ElfBuilder.Note("Xen\0", 3, BitConverter.GetBytes(0xffffffff80000000)),
        ElfBuilder.Note("Xen\0", 1, BitConverter.GetBytes(0xffffffff81000180)),
        ElfBuilder.Note("Xen\0", 13, Pattern(16)),
        ElfBuilder.Note("Xen\0", 15, BitConverter.GetBytes(0xffff800000000000)),
        ElfBuilder.EntryNote64(0x200050),
    ];

    public static ElfBuilder AddSymbols(ElfBuilder builder)
    {
        var text = builder.Class == ElfClass.Elf64 ? 0xffffffff81000000 : 0x100000;
        return builder
            .Section(1, Pattern(0x100), flags: 6, address: text).Section(2, Symbols(builder.Class, text), link: 3, entrySize: builder.Class == ElfClass.Elf64 ? 24u : 16u)
            .Section(3, Encoding.ASCII.GetBytes("\0startup\0label\0panic\0data\0alias\0"));
    }

    public static byte[] Pattern(int length)
    {
        var bytes = new byte[length];
        for (var i = 0; i < length; i++)
        {
            bytes[i] = (byte)(i + 1);
        }

        return bytes;
    }

    public static PvhKernel Parse(ElfBuilder builder) => Parse(builder.Build());

    public static PvhKernel Parse(byte[] image) => PvhKernel.Parse(Source(image));

    public static MemoryImageSource Source(byte[] image) => new("vmlinux", image);

    /// <summary>A PC's memory map over one array from address 0: holes below 1 MiB, RAM above.</summary>
    public static IReadOnlyList<MemoryMapEntry> Map(int sizeBytes) =>
    [
        new(new GuestAddress(0), 0x9fc00, MemoryMapType.Ram),
        new(new GuestAddress(0x9fc00), 0x400, MemoryMapType.Reserved),
        new(new GuestAddress(0xe0000), 0x20000, MemoryMapType.Reserved),
        new(new GuestAddress(0x100000), (ulong)sizeBytes - 0x100000, MemoryMapType.Ram),
    ];

    public static PvhBootRequest Request(PvhKernel kernel, int memoryBytes = 4 << 20) =>
        new() { Kernel = kernel, Memory = new ArrayGuestMemory(memoryBytes), MemoryMap = Map(memoryBytes) };

    /// <summary>Runs something that has to be refused and gives back what was said.</summary>
    public static IReadOnlyList<InputFault> Faults(Action action) => Assert.Throws<InvalidInputException>(action).Faults;

    /// <summary>The only fault, which has to be a proper sentence.</summary>
    public static string OnlySentence(Action action, InputFaultKind kind = InputFaultKind.BadInput)
    {
        var fault = Assert.Single(Faults(action));
        Assert.Equal(kind, fault.Kind);
        Assert.EndsWith(".", fault.Sentence, StringComparison.Ordinal);
        return fault.Sentence;
    }

    public static byte[] Bytes(IGuestMemory memory, ulong address, int length)
    {
        var bytes = new byte[length];
        Assert.True(memory.TryRead(new GuestAddress(address), bytes));
        return bytes;
    }

    public static byte[] Patch16(this byte[] image, int offset, int value)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(image.AsSpan(offset), (ushort)value);
        return image;
    }

    public static byte[] Patch64(this byte[] image, int offset, ulong value)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(image.AsSpan(offset), value);
        return image;
    }

    private static byte[] Symbols(ElfClass elfClass, ulong text)
    {
        (uint Name, byte Info, ushort Section, ulong Value, ulong Size)[] symbols =
        [
            (0, 0, 0, 0, 0),
            (1, 0x12, 1, text + 0x00, 0x20), // startup, a global function
            (9, 0x00, 1, text + 0x10, 0), // label, inside startup
            (15, 0x12, 1, text + 0x40, 0x10), // panic
            (26, 0x02, 1, text + 0x40, 0x10), // alias of panic, local
            (21, 0x11, 1, text + 0x60, 8), // data, an object
        ];
        var size = elfClass == ElfClass.Elf64 ? 24 : 16;
        var table = new byte[symbols.Length * size];
        for (var i = 0; i < symbols.Length; i++)
        {
            var at = table.AsSpan(i * size);
            BinaryPrimitives.WriteUInt32LittleEndian(at, symbols[i].Name);
            if (elfClass == ElfClass.Elf64)
            {
                at[4] = symbols[i].Info;
                BinaryPrimitives.WriteUInt16LittleEndian(at[6..], symbols[i].Section);
                BinaryPrimitives.WriteUInt64LittleEndian(at[8..], symbols[i].Value);
                BinaryPrimitives.WriteUInt64LittleEndian(at[16..], symbols[i].Size);
            }
            else
            {
                BinaryPrimitives.WriteUInt32LittleEndian(at[4..], (uint)symbols[i].Value);
                BinaryPrimitives.WriteUInt32LittleEndian(at[8..], (uint)symbols[i].Size);
                at[12] = symbols[i].Info;
                BinaryPrimitives.WriteUInt16LittleEndian(at[14..], symbols[i].Section);
            }
        }

        return table;
    }
}
