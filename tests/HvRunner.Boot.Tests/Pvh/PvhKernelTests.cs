using HvRunner.Abstractions;
using HvRunner.Boot.Elf;

namespace HvRunner.Boot.Tests.Pvh;

public class PvhKernelTests
{
    [Theory]
    [InlineData(ElfClass.Elf32, "ELF32 i386")]
    [InlineData(ElfClass.Elf64, "ELF64 x86-64")]
    public void Kernel_OfEitherClassIsAccepted(ElfClass elfClass, string format)
    {
        var kernel = TestKernels.Parse(TestKernels.Minimal(elfClass));
        Assert.Equal(TestKernels.Entry, kernel.Entry);
        Assert.Equal(format, kernel.Format);
        var segment = Assert.Single(kernel.Segments);
        Assert.Equal(new GuestRange(new GuestAddress(0x100000), 0x140), segment.Memory);
        Assert.Equal(0x100, segment.FileSize);
        Assert.False(kernel.IsLinux);
    }

    [Fact]
    public void Entry_ComesFromTheNoteAndNotFromTheHeader()
    {
        Assert.Equal(0x200050u, TestKernels.Parse(TestKernels.LinuxLike()).Entry);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Entry_DescriptorHas4Or8Bytes(bool wide)
    {
        var note = wide ? ElfBuilder.EntryNote64(TestKernels.Entry) : ElfBuilder.EntryNote(TestKernels.Entry);
        Assert.Equal(TestKernels.Entry, TestKernels.Parse(new ElfBuilder().Load(TestKernels.Base, TestKernels.Pattern(64)).Notes(note)).Entry);
    }

    [Fact]
    public void Entry_MayStandInANoteSection()
    {
        var builder = new ElfBuilder().Load(TestKernels.Base, TestKernels.Pattern(64)).Section(7, ElfBuilder.EntryNote(TestKernels.Entry));
        Assert.Equal(TestKernels.Entry, TestKernels.Parse(builder).Entry);
    }

    [Fact]
    public void Entry_SameTwiceIsNoContradiction()
    {
        var builder = TestKernels.Minimal().Notes(ElfBuilder.EntryNote64(TestKernels.Entry));
        Assert.Equal(TestKernels.Entry, TestKernels.Parse(builder).Entry);
    }

    [Fact]
    public void Entry_MayLieInTheZeroFilledTail()
    {
        // Odd, but the image says that memory is there, and another loader would start it as well.
        var builder = new ElfBuilder().Load(TestKernels.Base, TestKernels.Pattern(16), memorySize: 64).Notes(ElfBuilder.EntryNote(TestKernels.Entry));
        Assert.Equal(TestKernels.Entry, TestKernels.Parse(builder).Entry);
    }

    [Fact]
    public void Linux_IsKnownByItsNotes()
    {
        Assert.True(TestKernels.Parse(TestKernels.LinuxLike()).IsLinux);
        Assert.True(TestKernels.Parse(TestKernels.Minimal().Notes(ElfBuilder.Note("Linux\0", 0x101, [0]))).IsLinux);
        Assert.True(TestKernels.Parse(TestKernels.Minimal().Notes(ElfBuilder.Note("Xen\0", 6, "linux\0"u8.ToArray()))).IsLinux);
        Assert.False(TestKernels.Parse(TestKernels.Minimal().Notes(ElfBuilder.Note("Xen\0", 6, "FreeBSD\0"u8.ToArray()))).IsLinux);
    }

    [Fact]
    public void Segments_GoByPhysicalAddress()
    {
        var segments = TestKernels.Parse(TestKernels.LinuxLike()).Segments;
        Assert.Equal([0x200000ul, 0x201000, 0x202000, 0x203000], segments.Select(segment => segment.Memory.Start.Value));
    }

    [Fact]
    public void Segments_OfNoLengthAndOfOtherTypesAreLeftOut()
    {
        var builder = TestKernels.Minimal().Load(TestKernels.Base, []).Segment(0x6474e551, []);
        Assert.Single(TestKernels.Parse(builder).Segments);
    }

    [Fact]
    public void Segments_MayTouch()
    {
        Assert.Equal(2, TestKernels.Parse(TestKernels.Minimal().Load(TestKernels.Base + 0x140, [1])).Segments.Count);
    }
}
