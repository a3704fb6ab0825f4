using System.Text;
using HvRunner.Abstractions;

namespace HvRunner.Boot.Tests;

public class KernelInspectionTests
{
    private static KernelInspection Inspect(byte[] image) => KernelInspection.Inspect(TestKernels.Source(image));

    private static byte[] BzImage(int versionOffset, string version)
    {
        var image = new byte[0x3000];
        "MZ"u8.CopyTo(image);
        image.Patch16(0x1fe, 0xaa55);
        "HdrS"u8.CopyTo(image.AsSpan(0x202));
        image.Patch16(0x20e, versionOffset);
        Encoding.ASCII.GetBytes(version).CopyTo(image, 0x2000);
        return image;
    }

    [Fact]
    public void Kernel_OffersPvh()
    {
        var inspection = Inspect(TestKernels.LinuxLike().Build());
        Assert.Equal(("vmlinux", "ELF64 x86-64", "pvh", true), (inspection.Name, inspection.Format, inspection.Chosen, inspection.IsLinux));
        Assert.Null(inspection.Compression);
        var offer = Assert.Single(inspection.Offers);
        Assert.True(offer.Offered);
        Assert.Equal("Entry point 0x200050, from a note in a segment with a descriptor of 8 bytes.", offer.Sentence);
        Assert.Equal(new GuestAddress(0x200050), inspection.PvhEntry);
        Assert.Equal(0x200000ul, inspection.ElfEntry);
        Assert.Equal(new SegmentFact(3, new GuestAddress(0x203000), 0xffffffff81003000, 0x300, 0x4000, 7), inspection.Segments[3]);
        Assert.Equal(12, inspection.Notes.Count);
        Assert.Equal(new NoteFact("Xen", 18, 8, true), inspection.Notes[^1]);
    }

    [Fact]
    public void Kernel_SaysWhereItsNoteWasFound()
    {
        var image = new ElfBuilder().Load(TestKernels.Base, TestKernels.Pattern(64)).Section(7, ElfBuilder.EntryNote(TestKernels.Entry)).Build();
        var inspection = Inspect(image);
        Assert.Equal("Entry point 0x100020, from a note in a section with a descriptor of 4 bytes.", inspection.Offers[0].Sentence);
        Assert.Equal(new NoteFact("Xen", 18, 4, false), Assert.Single(inspection.Notes));
    }

    [Fact]
    public void Kernel_WithFaultsOffersNothingAndSaysThemAll()
    {
        var inspection = Inspect(new ElfBuilder { Type = Boot.Elf.ElfType.Dynamic }.Load(TestKernels.Base, [1]).Build());
        Assert.Null(inspection.Chosen);
        Assert.False(inspection.Offers[0].Offered);
        Assert.Contains("ET_DYN", inspection.Offers[0].Sentence, StringComparison.Ordinal);
        Assert.Contains(". The kernel has no PVH entry point", inspection.Offers[0].Sentence, StringComparison.Ordinal);
        Assert.DoesNotContain("vmlinux:", inspection.Offers[0].Sentence, StringComparison.Ordinal);
        Assert.Single(inspection.Segments);
    }

    [Fact]
    public void BzImage_IsNamedWithItsVersionAndHowToGoOn()
    {
        var inspection = Inspect(BzImage(0x1e00, "6.1.0-13-cloud-amd64 (debian@example) #1 SMP"));
        Assert.Equal(("bzImage", "6.1.0-13-cloud-amd64 (debian@example) #1 SMP", true), (inspection.Format, inspection.Version, inspection.IsLinux));
        Assert.Null(inspection.Chosen);
        Assert.Contains("extract-vmlinux", inspection.Offers[0].Sentence, StringComparison.Ordinal);
        Assert.Contains("Linux 6.1.0", inspection.Offers[0].Sentence, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0)] // no version
    [InlineData(0xffff)] // behind the file
    [InlineData(0x2fff)]
    public void BzImage_VersionIsBounded(int offset)
    {
        Assert.Null(Inspect(BzImage(offset, "6.1")).Version);
    }

    [Fact]
    public void BzImage_VersionIsMadePrintableAndCutOff()
    {
        Assert.Equal("6?[31m", Inspect(BzImage(0x1e00, "6\u001b[31m")).Version);
        Assert.Equal(128, Inspect(BzImage(0x1e00, new string('x', 1000))).Version!.Length);
    }

    public static TheoryData<string, byte[], string> Signatures => new()
    {
        { "gzip", [0x1f, 0x8b, 8], "gunzip" },
        { "bzip2", "BZh9"u8.ToArray(), "bunzip2" },
        { "xz", [0xfd, .. "7zXZ\0"u8], "unxz" },
        { "zstd", [0x28, 0xb5, 0x2f, 0xfd], "unzstd" },
        { "lz4", [0x02, 0x21, 0x4c, 0x18], "unlz4" },
        { "lz4", [0x04, 0x22, 0x4d, 0x18], "unlz4" },
        { "lzop", [0x89, .. "LZO\0"u8], "lzop" },
        { "lzma", [0x5d, 0, 0, 0x80], "unlzma" },
        { "script", "#!/bin/sh\n"u8.ToArray(), "script" },
        { "cpio", "070701000"u8.ToArray(), "--initrd" },
        { "cpio", [0xc7, 0x71, 0], "--initrd" },
        { "PE", "MZ\0\0"u8.ToArray(), "EFI" },
        { "Mach-O", [0xcf, 0xfa, 0xed, 0xfe, 7], "macOS" },
        { "Mach-O", [0xca, 0xfe, 0xba, 0xbe, 0], "macOS" },
        { "qcow2", [.. "QFI"u8, 0xfb], "disk" },
        { "archive", "!<arch>\nx"u8.ToArray(), "link" },
        { "squashfs", "hsqs"u8.ToArray(), "file system" },
        { "ISO 9660", [.. new byte[0x8001], .. "CD001"u8], "CD" },
        { "disk image", [.. new byte[0x1fe], 0x55, 0xaa, 0], "disk" },
        { "unknown", "hello"u8.ToArray(), "no kind" },
        { "unknown", [], "empty" },
    };

    [Theory]
    [MemberData(nameof(Signatures))]
    public void WrongFile_IsNamed(string format, byte[] bytes, string fact)
    {
        var inspection = Inspect(bytes);
        Assert.Equal(format, inspection.Format);
        Assert.Null(inspection.Chosen);
        Assert.Contains(fact, inspection.Offers[0].Sentence, StringComparison.Ordinal);

        var sentence = TestKernels.OnlySentence(() => TestKernels.Parse(bytes));
        Assert.StartsWith("vmlinux: ", sentence, StringComparison.Ordinal);
    }
}
