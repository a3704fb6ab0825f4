using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using HvRunner.Abstractions;

namespace HvRunner.Hardware.Tests.Guest;

/// <summary>
/// What ring 3 can see of a processor before or after an instance, and how the instance ended; the layout is the one that the guest's loop reads
/// and writes, so both processors' results are compared in one form.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = GuestLayout.OutputOffset)]
internal struct ProcessorImage
{
    /// <summary><see cref="Vector"/> of an instance that ended without an exception.</summary>
    public const ulong NoException = 0x100;

    /// <summary><see cref="Vector"/> of an instance that the processor under test does not implement.</summary>
    public const ulong Unsupported = 0x101;

    /// <summary><see cref="Vector"/> of an instance that did not end within its limit.</summary>
    public const ulong Endless = 0x102;

    public const int FxOffset = 256;

    [FieldOffset(0)]
    public GeneralRegisterFile General;

    [FieldOffset(128)]
    public ulong Rflags;

    /// <summary>Before: where the instance begins. After: where it went, or where the exception was raised.</summary>
    [FieldOffset(136)]
    public ulong Rip;

    [FieldOffset(144)]
    public ulong FsBase;

    [FieldOffset(152)]
    public ulong GsBase;

    [FieldOffset(160)]
    public ulong Vector;

    [FieldOffset(168)]
    public ulong ErrorCode;

    [FieldOffset(176)]
    public ulong Cr2;

    /// <summary>The FXSAVE image (SDM vol. 1, 10.5.1).</summary>
    [FieldOffset(FxOffset)]
    public FxImage Fx;
}

/// <summary>The 512 bytes of FXSAVE.</summary>
[InlineArray(512)]
internal struct FxImage
{
    private byte _first;
}
