using HvRunner.Boot.Elf;

namespace HvRunner.Boot.Tests.Elf;

public class ElfImageTests
{
    private static ElfImage Parse(byte[] image) => ElfImage.Parse(TestKernels.Source(image));

    [Theory]
    [InlineData(ElfClass.Elf32, "ELF32 i386")]
    [InlineData(ElfClass.Elf64, "ELF64 x86-64")]
    public void Header_IsReadInBothClasses(ElfClass elfClass, string format)
    {
        var image = Parse(TestKernels.Minimal(elfClass).Build());
        Assert.Equal(elfClass, image.Class);
        Assert.Equal(format, image.Format);
        Assert.Equal(ElfType.Executable, image.Type);
        Assert.Equal(0xdead0000, image.Entry);
    }

    [Theory]
    [InlineData(ElfClass.Elf32)]
    [InlineData(ElfClass.Elf64)]
    public void ProgramHeader_EveryFieldIsReadInBothClasses(ElfClass elfClass)
    {
        var builder = new ElfBuilder(elfClass).Load(0x301a000, TestKernels.Pattern(16), memorySize: 0x99, vaddr: 0x1234, flags: 6);
        var header = Assert.Single(Parse(builder.Build()).ProgramHeaders);
        var offset = elfClass == ElfClass.Elf64 ? 128u : 96u;
        Assert.Equal(new ElfProgramHeader(1, 6, offset, 0x1234, 0x301a000, 16, 0x99, 0x1000), header);
        Assert.True(header.IsLoad);
    }

    [Theory]
    [InlineData(ElfClass.Elf32, 41)]
    [InlineData(ElfClass.Elf64, 56)]
    [InlineData(ElfClass.Elf64, 5000)]
    public void ProgramHeaders_UseEntrySizeAsStride(ElfClass elfClass, int stride)
    {
        var builder = TestKernels.Minimal(elfClass);
        builder.ProgramHeaderStride = stride;
        var image = Parse(builder.Build());
        Assert.Equal(2, image.ProgramHeaders.Count);
        Assert.Equal(4u, image.ProgramHeaders[1].Type);
    }

    [Theory]
    [InlineData(ElfClass.Elf32)]
    [InlineData(ElfClass.Elf64)]
    public void ProgramHeaderCount_ComesFromSection0WhenItDoesNotFit(ElfClass elfClass)
    {
        var builder = TestKernels.Minimal(elfClass);
        builder.ExtendedProgramHeaderCount = true;
        Assert.Equal(2, Parse(builder.Build()).ProgramHeaders.Count);
    }

    [Fact]
    public void ProgramHeaderCount_ExtendedWithoutSectionsIsRefused()
    {
        var image = TestKernels.Minimal().Build().Patch16(56, 0xffff);
        Assert.Contains("section header 0", TestKernels.OnlySentence(() => Parse(image)), StringComparison.Ordinal);
    }

    [Fact]
    public void Parse_RefusesWhatIsNoElfFile()
    {
        var sentence = TestKernels.OnlySentence(() => Parse([1, 2, 3]));
        Assert.StartsWith("vmlinux: ", sentence, StringComparison.Ordinal);
        Assert.Contains("ELF", sentence, StringComparison.Ordinal);
    }

    [Fact]
    public void Sections_AreReadLazilyAndEmptyWithoutATable()
    {
        Assert.Empty(Parse(TestKernels.Minimal().Build()).SectionHeaders);
        var image = Parse(TestKernels.LinuxLike().Build());
        Assert.Equal(4, image.SectionHeaders.Count);
        Assert.Equal(2u, image.SectionHeaders[2].Type);
        Assert.Equal(3u, image.SectionHeaders[2].Link);
    }

    [Fact]
    public void Sections_CountComesFromSection0WhenItDoesNotFit()
    {
        var bytes = TestKernels.LinuxLike().Build();
        var sections = (int)BitConverter.ToUInt64(bytes, 40);
        bytes.Patch16(60, 0).Patch64(sections + 32, 4);
        Assert.Equal(4, Parse(bytes).SectionHeaders.Count);
    }

    [Theory]
    [InlineData(ulong.MaxValue)]
    [InlineData(0x7fffffffffffffff)]
    [InlineData(1000000)]
    public void Sections_BeyondTheFileAreNone(ulong offset)
    {
        Assert.Empty(Parse(TestKernels.LinuxLike().Build().Patch64(40, offset)).SectionHeaders);
    }

    [Fact]
    public void Sections_AreBoundedInNumber()
    {
        var bytes = TestKernels.LinuxLike().Build();
        Array.Resize(ref bytes, bytes.Length + (16385 * 64));
        Assert.Equal(16384, Parse(bytes.Patch16(60, 16384)).SectionHeaders.Count);
        Assert.Empty(Parse(bytes.Patch16(60, 16385)).SectionHeaders);
    }

    [Fact]
    public void Parse_NeverReadsTheWholeFile()
    {
        using var source = new CountingSource(TestKernels.Source(TestKernels.LinuxLike().Load(0x300000, new byte[1 << 20]).Build()));
        _ = HvRunner.Boot.Pvh.PvhKernel.Parse(source);
        Assert.True(source.Bytes < 16384, $"{source.Bytes} bytes read");
        Assert.True(source.Reads <= 4, $"{source.Reads} reads");
    }

    private sealed class CountingSource(IImageSource inner) : IImageSource
    {
        public int Reads { get; private set; }

        public long Bytes { get; private set; }

        public string Name => inner.Name;

        public long LengthBytes => inner.LengthBytes;

        public bool TryRead(long offset, Span<byte> destination)
        {
            Reads++;
            Bytes += destination.Length;
            return inner.TryRead(offset, destination);
        }

        public void Dispose() => inner.Dispose();
    }
}
