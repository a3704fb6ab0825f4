using System.Buffers.Binary;
using HvRunner.Boot.Elf;

namespace HvRunner.Boot.Tests.Elf;

public class ElfNotesTests
{
    private static ElfNotes Read(ElfBuilder builder) => Read(builder.Build());

    private static ElfNotes Read(byte[] image) => ElfNotes.Read(ElfImage.Parse(TestKernels.Source(image)));

    [Fact]
    public void Notes_OfAllSegmentsAreFoundInOrder()
    {
        var notes = Read(new ElfBuilder().Notes(ElfBuilder.Note("GNU\0", 3, [1])).Notes(ElfBuilder.Note("Xen\0", 18, [1, 2, 3, 4])));
        Assert.Equal(["GNU", "Xen"], notes.InSegments.Select(note => note.Owner));
        Assert.All(notes.InSegments, note => Assert.True(note.InSegment));
        Assert.Empty(notes.Faults);
    }

    [Theory]
    [InlineData("a\0", 1)]
    [InlineData("ab\0", 2)]
    [InlineData("abc\0", 3)]
    [InlineData("abcd\0", 4)]
    [InlineData("abcdefg\0", 5)]
    public void Notes_NameAndDescriptorArePaddedToFour(string owner, int descriptorSize)
    {
        var notes = Read(new ElfBuilder().Notes(ElfBuilder.Note(owner, 7, TestKernels.Pattern(descriptorSize)), ElfBuilder.EntryNote(0x1234)));
        Assert.Equal(2, notes.InSegments.Count);
        Assert.Equal(owner.TrimEnd('\0'), notes.InSegments[0].Owner);
        Assert.Equal((uint)descriptorSize, notes.InSegments[0].DescriptorSize);
        Span<byte> value = stackalloc byte[4];
        Assert.True(notes.TryReadDescriptor(notes.InSegments[1], value));
        Assert.Equal(0x1234u, BinaryPrimitives.ReadUInt32LittleEndian(value));
    }

    [Fact]
    public void Find_MatchesOwnerAndType()
    {
        var notes = Read(TestKernels.LinuxLike());
        var note = Assert.Single(notes.Find("Xen", 18));
        Assert.Equal(8u, note.DescriptorSize);
        Assert.Single(notes.Find("GNU", 18));
        Assert.Empty(notes.Find("Xen", 19));
    }

    [Fact]
    public void Find_OwnerHasToEndInNul()
    {
        Assert.Empty(Read(new ElfBuilder().Notes(ElfBuilder.Note("Xen", 18, [1, 2, 3, 4]))).Find("Xen", 18));
    }

    [Fact]
    public void Find_LooksIntoSectionsOnlyWhereNoSegmentHasTheNote()
    {
        var only = Read(new ElfBuilder().Notes(ElfBuilder.Note("GNU\0", 3, [1])).Section(7, ElfBuilder.EntryNote(5)));
        Assert.False(Assert.Single(only.Find("Xen", 18)).InSegment);

        var both = Read(new ElfBuilder().Notes(ElfBuilder.EntryNote(4)).Section(7, ElfBuilder.EntryNote(5)));
        Assert.True(Assert.Single(both.Find("Xen", 18)).InSegment);
        Assert.False(both.HasReadSections);
    }

    [Fact]
    public void Segment_OutsideTheFileIsAFault()
    {
        var notes = Read(new ElfBuilder().Segment(4, ElfBuilder.EntryNote(1), offset: 0x10000));
        Assert.Empty(notes.InSegments);
        Assert.Contains("note segment 0 lies outside the file", Assert.Single(notes.Faults), StringComparison.Ordinal);
        Assert.Contains("0x10000", notes.Faults[0], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0xffffffffu, 4u)]
    [InlineData(4u, 0xffffffffu)]
    [InlineData(0xffffffffu, 0xffffffffu)]
    [InlineData(4u, 100u)]
    [InlineData(0u, 0u)]
    public void Record_ThatOverflowsOrHasNoLengthEndsTheScanWithAFault(uint nameSize, uint descriptorSize)
    {
        var record = ElfBuilder.EntryNote(1);
        BinaryPrimitives.WriteUInt32LittleEndian(record, nameSize);
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(4), descriptorSize);
        var notes = Read(new ElfBuilder().Notes(ElfBuilder.Note("GNU\0", 3, [1]), record, ElfBuilder.EntryNote(2)));
        Assert.Equal(["GNU"], notes.InSegments.Select(note => note.Owner));
        Assert.Contains("malformed record", Assert.Single(notes.Faults), StringComparison.Ordinal);
    }

    [Fact]
    public void Record_LastOneMayLackItsPadding()
    {
        var record = ElfBuilder.Note("Linux\0", 1, [9]);
        Assert.Single(Read(new ElfBuilder().Segment(4, record, fileSize: (ulong)record.Length - 3)).InSegments);
    }

    [Fact]
    public void Record_MayNotGoOneByteBeyondItsSegment()
    {
        var record = ElfBuilder.Note("Xen\0", 18, TestKernels.Pattern(8));
        Assert.Single(Read(new ElfBuilder().Segment(4, record)).InSegments);
        var notes = Read(new ElfBuilder().Segment(4, record, fileSize: (ulong)record.Length - 1));
        Assert.Empty(notes.InSegments);
        Assert.Single(notes.Faults);
    }

    [Fact]
    public void Notes_AreBoundedInNumber()
    {
        var notes = Read(new ElfBuilder().Notes([.. Enumerable.Repeat(ElfBuilder.Note("GNU\0", 3, [1]), ElfNotes.MaxNotes + 5)]));
        Assert.Equal(ElfNotes.MaxNotes, notes.InSegments.Count);
        Assert.Single(notes.Faults);
    }

    [Fact]
    public void Owner_IsMadePrintable()
    {
        var owner = Read(new ElfBuilder().Notes(ElfBuilder.Note("a\u001b[2J\0", 1, [1]))).InSegments[0].Owner;
        Assert.Equal("a?[2J", owner);
    }
}
