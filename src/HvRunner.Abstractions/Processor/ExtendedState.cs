using System.Runtime.InteropServices;

namespace HvRunner.Abstractions;

/// <summary>
/// The extended processor state as an XSAVE image in standard (not compacted) format (SDM vol. 1, 13.4): the 512-byte FXSAVE area, the
/// 64-byte header with XSTATE_BV first, then each component at the offset that CPUID leaf 0xD gives. Registers are read and written in
/// place. A component whose XSTATE_BV bit is 0 is in its initial configuration, whatever its bytes say.
/// </summary>
public sealed class ExtendedState
{
    /// <summary>Size of the image in bytes; what KVM_GET_XSAVE carries.</summary>
    public const int ImageSizeBytes = 4096;

    /// <summary>Offset of the header's XSTATE_BV.</summary>
    public const int XstateBvOffset = 512;

    private readonly byte[] _image = new byte[ImageSizeBytes];

    /// <summary>The image.</summary>
    public Span<byte> Image => _image;

    /// <summary>The image's first byte: for an interpreter, whose handlers must not hold a span on their stack.</summary>
    public ref byte Origin => ref MemoryMarshal.GetArrayDataReference(_image);

    /// <summary>XCR0: the components that are enabled.</summary>
    public ulong Xcr0 { get; set; } = 1;

    /// <summary>Puts all components into their initial configuration: FCW 0x37f, MXCSR 0x1f80, everything else 0 (SDM vol. 1, 13.6).</summary>
    public void Reset()
    {
        _image.AsSpan().Clear();
        _image[0] = 0x7f;
        _image[1] = 0x03;
        _image[24] = 0x80;
        _image[25] = 0x1f;
        _image[28] = 0xff;
        _image[29] = 0xff;
    }
}
