using HvRunner.Abstractions;
using HvRunner.Boot.Elf;

namespace HvRunner.Boot.Tests.Pvh;

/// <summary>Each way in which an image can be wrong has a sentence of its own, with the facts.</summary>
public class PvhKernelFaultTests
{
    private static void AssertOnly(byte[] image, params string[] facts)
    {
        var sentence = TestKernels.OnlySentence(() => TestKernels.Parse(image));
        Assert.StartsWith("vmlinux: ", sentence, StringComparison.Ordinal);
        Assert.Equal(sentence.LastIndexOf("vmlinux: ", StringComparison.Ordinal), sentence.IndexOf("vmlinux: ", StringComparison.Ordinal));
        Assert.All(facts, fact => Assert.Contains(fact, sentence, StringComparison.Ordinal));
    }

    private static ElfBuilder OneSegment() => new ElfBuilder().Load(TestKernels.Base, TestKernels.Pattern(64));

    [Fact]
    public void NoNote_SaysWhatWasExpected() => AssertOnly(OneSegment().Build(), "no PVH entry point", "Xen", "18");

    [Fact]
    public void NoNote_InLinuxNamesTheOption() =>
        AssertOnly(OneSegment().Notes(ElfBuilder.Note("Linux\0", 0x101, [0])).Build(), "CONFIG_PVH=y");

    [Fact]
    public void NoNote_OfThisTypeUnderAnotherOwner() =>
        AssertOnly(OneSegment().Notes(ElfBuilder.Note("GNU\0", 18, [0, 0, 0x10, 0])).Build(), "no PVH entry point");

    [Fact]
    public void TwoEntries_AreBothNamed() =>
        AssertOnly(TestKernels.Minimal().Notes(ElfBuilder.EntryNote(0x100030)).Build(), "0x100020", "0x100030");

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(12)]
    public void Descriptor_OfAnotherSize(int size) =>
        AssertOnly(OneSegment().Notes(ElfBuilder.Note("Xen\0", 18, new byte[size])).Build(), $"{size} bytes", "4 or 8");

    [Fact]
    public void Descriptor_WithAnUpperHalf() =>
        AssertOnly(OneSegment().Notes(ElfBuilder.EntryNote64(0xffffffff81000050)).Build(), "0xffffffff81000050", "32 bits");

    [Theory]
    [InlineData(0xfffffu)]
    [InlineData(0x100140u)]
    [InlineData(0u)]
    [InlineData(uint.MaxValue)]
    public void Entry_OutsideEverySegment(uint entry) =>
        AssertOnly(new ElfBuilder().Load(TestKernels.Base, new byte[0x140]).Notes(ElfBuilder.EntryNote(entry)).Build(), $"0x{entry:x}", "no segment");

    [Fact]
    public void Segments_ThatOverlapAreBothNamed() =>
        AssertOnly(TestKernels.Minimal().Load(0x10013f, [1]).Build(), "segments 0 (0x100000-0x10013f) and 2 (0x10013f-0x10013f) overlap");

    [Fact]
    public void Segments_OverlapIsFoundAcrossShorterOnes()
    {
        var builder = new ElfBuilder().Load(TestKernels.Base, TestKernels.Pattern(64), memorySize: 0x1000)
            .Load(0x100100, [1]).Load(0x100200, [1]).Notes(ElfBuilder.EntryNote(TestKernels.Entry));
        Assert.Equal(2, TestKernels.Faults(() => TestKernels.Parse(builder)).Count);
    }

    [Fact]
    public void Segment_ThatWraps() =>
        AssertOnly(TestKernels.Minimal().Load(ulong.MaxValue - 0xf, [1], memorySize: 0x20).Build(), "segment 2", "0xfffffffffffffff0", "0x20");

    [Fact]
    public void Segment_WithMoreInTheFileThanInMemory() =>
        AssertOnly(TestKernels.Minimal().Load(0x200000, TestKernels.Pattern(32), memorySize: 16).Build(), "segment 2", "0x20", "0x10", "p_filesz", "p_memsz");

    [Fact]
    public void Segment_BeyondTheFileSaysWhichRangeAndHowLongTheFileIs()
    {
        var image = TestKernels.Minimal().Load(0x200000, TestKernels.Pattern(0x100)).Build();
        AssertOnly(image[..^0x80], "truncated", "segment 2", "0x100 bytes", $"offset 0x{image.Length - 0x100:x}", $"{image.Length - 0x80} (0x{image.Length - 0x80:x}) bytes long");
    }

    [Fact]
    public void Segment_OffsetThatOverflows() =>
        AssertOnly(TestKernels.Minimal().Load(0x200000, [1], offset: ulong.MaxValue).Build(), "truncated", "0xffffffffffffffff");

    [Fact]
    public void NoteSegment_OutsideTheFile()
    {
        var image = TestKernels.Minimal().Segment(4, [], fileSize: 0x20, offset: 0x99999).Build();
        AssertOnly(image, "note segment 2 lies outside the file", "0x99999");
    }

    [Fact]
    public void NoteRecord_ThatIsMalformed() =>
        AssertOnly(TestKernels.Minimal().Segment(4, new byte[16]).Build(), "note segment 2 has a malformed record");

    [Theory]
    [InlineData(183, "AArch64")]
    [InlineData(243, "RISC-V")]
    [InlineData(0, "machine 0")]
    public void Machine_ThatIsNotX86(int machine, string name) =>
        AssertOnly(TestKernels.Minimal().Build().Patch16(18, machine), name, $"e_machine {machine}", "x86");

    [Fact]
    public void Machine_ThatDoesNotFitItsClass()
    {
        AssertOnly(TestKernels.Minimal().Build().Patch16(18, 3), "ELF64 i386", "ELF64 x86-64 or ELF32 i386");
        AssertOnly(TestKernels.Minimal(ElfClass.Elf32).Build().Patch16(18, 62), "ELF32 x86-64");
    }

    [Fact]
    public void BigEndian_IsNamed()
    {
        var image = TestKernels.Minimal().Build();
        image[5] = 2;
        AssertOnly(image, "big-endian");
        image[5] = 7;
        AssertOnly(image, "data encoding is 7");
    }

    [Fact]
    public void Class_ThatDoesNotExist()
    {
        var image = TestKernels.Minimal().Build();
        image[4] = 3;
        AssertOnly(image, "class is 3");
    }

    [Theory]
    [InlineData(1, "object file (ET_REL)")]
    [InlineData(3, "ET_DYN")]
    [InlineData(4, "core dump")]
    [InlineData(9, "ELF type is 9")]
    public void Type_OtherThanExecutable(int type, string fact) => AssertOnly(TestKernels.Minimal().Build().Patch16(16, type), fact);

    [Fact]
    public void ProgramHeaderSize_TooSmall() =>
        Assert.Contains(TestKernels.Faults(() => TestKernels.Parse(TestKernels.Minimal().Build().Patch16(54, 55))), fault =>
            fault.Sentence.Contains("55 bytes (e_phentsize)", StringComparison.Ordinal));

    [Fact]
    public void ProgramHeaders_TooMany() =>
        Assert.Contains(TestKernels.Faults(() => TestKernels.Parse(TestKernels.Minimal().Build().Patch16(56, 300))), fault =>
            fault.Sentence.Contains("300 program headers, too many", StringComparison.Ordinal));

    [Theory]
    [InlineData(0x100000)]
    [InlineData(0xffffffffffffffff)]
    public void ProgramHeaders_OutsideTheFile(ulong offset) =>
        Assert.Contains(TestKernels.Faults(() => TestKernels.Parse(TestKernels.Minimal().Build().Patch64(32, offset))), fault =>
            fault.Sentence.Contains($"2 program headers should start at offset 0x{offset:x}", StringComparison.Ordinal));

    [Fact]
    public void Loadable_NoSegmentIs()
    {
        AssertOnly(new ElfBuilder().Notes(ElfBuilder.EntryNote(1)).Build(), "no segment to load (PT_LOAD) among its 1 program headers");
    }

    [Theory]
    [InlineData(40)]
    [InlineData(63)]
    public void Header_Truncated(int length) => AssertOnly(TestKernels.Minimal().Build()[..length], "truncated", $"{length} bytes long", "64");

    [Fact]
    public void SeveralFaults_AreAllListed()
    {
        var builder = new ElfBuilder { Type = ElfType.Dynamic, Machine = (ElfMachine)183 }
            .Load(TestKernels.Base, TestKernels.Pattern(32), memorySize: 16)
            .Load(0x200000, [1], offset: 0x99999)
            .Notes(ElfBuilder.EntryNote(0x5000));
        var faults = TestKernels.Faults(() => TestKernels.Parse(builder));
        string[] facts = ["AArch64", "ET_DYN", "p_filesz", "truncated", "0x5000"];
        Assert.Equal(facts.Length, faults.Count);
        Assert.All(facts.Zip(faults), pair => Assert.Contains(pair.First, pair.Second.Sentence, StringComparison.Ordinal));
        Assert.All(faults, fault => Assert.Equal(InputFaultKind.BadInput, fault.Kind));
    }

    [Fact]
    public void FaultsOfAHostileFile_AreCutOffWithTheirNumber()
    {
        var builder = new ElfBuilder();
        for (var i = 0; i < 100; i++)
        {
            builder.Load(TestKernels.Base, [1], offset: ulong.MaxValue);
        }

        var faults = TestKernels.Faults(() => TestKernels.Parse(builder.Notes(ElfBuilder.EntryNote(TestKernels.Base))));
        Assert.Equal(41, faults.Count);
        Assert.Contains("60 further faults", faults[^1].Sentence, StringComparison.Ordinal);
    }
}
