using System.Buffers.Binary;

namespace HvRunner.Boot;

/// <summary>
/// What a file is, by its first bytes: enough to tell somebody who gave the wrong file which one it was. Only ELF files and bzImages
/// (Linux x86 boot protocol, setup header) are looked at more closely, the latter just for its version.
/// </summary>
/// <param name="Name">As in "bzImage", "gzip"; "ELF" for every ELF file; "unknown".</param>
/// <param name="Sentence">Says what was found and what to do, in the form of <see cref="InputFaults.Add(string)"/>; empty for ELF.</param>
/// <param name="Version">The kernel's version as a bzImage carries it; else null.</param>
internal readonly record struct ImageFormat(string Name, string Sentence, string? Version = null)
{
    private const string Wanted = "an uncompressed ELF kernel (vmlinux) was expected";

    private static readonly ImageFormat Unknown = new("unknown", $"{Wanted}, but this file is of no kind that hvrun knows.");

    public bool IsElf => Name == "ELF";

    public static ImageFormat Recognize(ImageWindow window)
    {
        Span<byte> head = stackalloc byte[0x280];
        head = head[..(int)Math.Min(head.Length, window.Source.LengthBytes)];
        if (head.IsEmpty || !window.TryRead(0, head))
        {
            return new("unknown", $"{Wanted}, but this file is empty.");
        }

        if (head.StartsWith("\u007fELF"u8))
        {
            return new("ELF", "");
        }

        if (head.Length >= 0x210 && head[0x1fe] == 0x55 && head[0x1ff] == 0xaa && head[0x202..].StartsWith("HdrS"u8))
        {
            return BzImage(window, BinaryPrimitives.ReadUInt16LittleEndian(head[0x20e..]));
        }

        if (Compressed(head) is { } compressed)
        {
            return compressed;
        }

        return Other(head) ?? LaterBytes(window, head);
    }

    private static ImageFormat BzImage(ImageWindow window, ushort versionOffset)
    {
        Span<byte> text = stackalloc byte[128];
        var at = versionOffset + 0x200L;
        text = text[..(int)Math.Clamp(window.Source.LengthBytes - at, 0, text.Length)];
        var version = versionOffset != 0 && !text.IsEmpty && window.TryRead((ulong)at, text) ? PrintableText.Of(text) : null;
        var named = string.IsNullOrEmpty(version) ? "" : $" (Linux {version})";
        return new(
            "bzImage",
            $"this is a bzImage{named}, and this hvrun boots only uncompressed PVH ELF kernels so far; extract the vmlinux out of it " +
                "with scripts/extract-vmlinux from the kernel's sources, and boot that.",
            string.IsNullOrEmpty(version) ? null : version);
    }

    private static ImageFormat? Compressed(ReadOnlySpan<byte> head) => head switch
    {
        [0x1f, 0x8b or 0x9e, ..] => Packed("gzip", "gunzip"),
        [(byte)'B', (byte)'Z', (byte)'h', ..] => Packed("bzip2", "bunzip2"),
        [0xfd, (byte)'7', (byte)'z', (byte)'X', (byte)'Z', 0, ..] => Packed("xz", "unxz"),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Packed("zstd", "unzstd"),
        [0x02, 0x21, 0x4c, 0x18, ..] or [0x04, 0x22, 0x4d, 0x18, ..] => Packed("lz4", "unlz4"),
        [0x89, (byte)'L', (byte)'Z', (byte)'O', 0, ..] => Packed("lzop", "lzop -d"),
        [0x5d, 0, 0, ..] => Packed("lzma", "unlzma"),
        _ => null,
    };

    private static ImageFormat Packed(string name, string command) =>
        new(name, $"{Wanted}, but this file is compressed with {name}; if a kernel is inside, unpack it with {command} first.");

    private static ImageFormat? Other(ReadOnlySpan<byte> head)
    {
        if (head.StartsWith("#!"u8))
        {
            return new("script", $"{Wanted}, but this is a script (it starts with #!).");
        }

        if (head.StartsWith("07070"u8) || head is [0xc7, 0x71, ..])
        {
            return new("cpio", $"{Wanted}, but this is a cpio archive, as an initramfs is; pass it with --initrd and name a kernel as well.");
        }

        if (head.StartsWith("MZ"u8))
        {
            return new("PE", $"{Wanted}, but this is a PE file (an EFI or Windows program).");
        }

        if (head is [0xfe, 0xed, 0xfa, 0xce or 0xcf, ..] or [0xce or 0xcf, 0xfa, 0xed, 0xfe, ..] or [0xca, 0xfe, 0xba, 0xbe, ..])
        {
            return new("Mach-O", $"{Wanted}, but this is a Mach-O file (a macOS program); build the kernel for an ELF target such as " +
                "x86_64-unknown-none.");
        }

        if (head is [(byte)'Q', (byte)'F', (byte)'I', 0xfb, ..])
        {
            return new("qcow2", $"{Wanted}, but this is a qcow2 disk image; hvrun boots a kernel file, not a disk.");
        }

        if (head.StartsWith("!<arch>\n"u8))
        {
            return new("archive", $"{Wanted}, but this is an archive of object files; link them into an executable.");
        }

        if (head.StartsWith("hsqs"u8))
        {
            return new("squashfs", $"{Wanted}, but this is a squashfs file system.");
        }

        return null;
    }

    private static ImageFormat LaterBytes(ImageWindow window, ReadOnlySpan<byte> head)
    {
        Span<byte> volume = stackalloc byte[5];
        if (window.TryRead(0x8001, volume) && volume.SequenceEqual("CD001"u8))
        {
            return new("ISO 9660", $"{Wanted}, but this is an ISO image of a CD; copy the kernel and the initrd out of it.");
        }

        if (head.Length >= 0x200 && head[0x1fe] == 0x55 && head[0x1ff] == 0xaa)
        {
            return new("disk image", $"{Wanted}, but this looks like a disk image or a boot sector; hvrun boots a kernel file, not a disk.");
        }

        return Unknown;
    }
}
