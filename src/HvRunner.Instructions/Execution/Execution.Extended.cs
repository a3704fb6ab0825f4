// The extended state's image (SDM vol. 1, 13.4): loaded from the host when an instruction first touches it, brought into one form, and marked
// changed when written. In that one form a component that XSTATE_BV calls initial also has its initial bytes, so that registers can be read
// without looking at XSTATE_BV.
using System.Buffers.Binary;
using HvRunner.Abstractions;
using Iced.Intel;

namespace HvRunner.Instructions;

/// <summary>Bits of XCR0 and XSTATE_BV, and offsets in the legacy area (SDM vol. 1, 13.1 and 13.4.1).</summary>
internal static class XsaveLayout
{
    public const ulong X87 = 1;
    public const ulong Sse = 2;
    public const ulong Avx = 4;
    public const ulong Compacted = 1UL << 63;
    public const int AvxComponent = 2;
    public const int ControlWord = 0;
    public const int StatusWord = 2;
    public const int TagByte = 4;
    public const int OpcodeWord = 6;
    public const int InstructionPointer = 8;
    public const int DataPointer = 16;
    public const int Mxcsr = 24;
    public const int X87Registers = 32;
    public const int XmmRegisters = 160;
    public const int LegacySize = 512;
    public const int HeaderSize = 64;
    public const int XcompBvOffset = 520;
    public const int FirstExtended = LegacySize + HeaderSize;
    public const uint InitialMxcsr = 0x1f80;
    public const ushort InitialControlWord = 0x37f;

    /// <summary>Bits that MXCSR may have; all processors of the last fifteen years have DAZ.</summary>
    public const uint MxcsrMask = 0xffff;
}

internal ref partial struct Execution<TMemory, THost>
{
    private bool _extendedLoaded;

    private ulong XstateBv
    {
        get => BinaryPrimitives.ReadUInt64LittleEndian(Extended()[XsaveLayout.LegacySize..]);
        set => BinaryPrimitives.WriteUInt64LittleEndian(Extended()[XsaveLayout.LegacySize..], value);
    }

    /// <summary>The image, to read from.</summary>
    private Span<byte> Extended()
    {
        var image = _state.Extended.Image;
        if (!_extendedLoaded)
        {
            _host.LoadExtended(_state);
            _extendedLoaded = true;
            var used = BinaryPrimitives.ReadUInt64LittleEndian(image[XsaveLayout.LegacySize..]);

            // Legacy instructions of the x87 and vector groups see the first two components only.
            var isLegacy = _instruction.Encoding == EncodingKind.Legacy && InstructionGroups.OfCode((int)_instruction.Code) >= InstructionGroup.X87Moves;
            for (var i = 0; i < (isLegacy ? 2 : ProcessorFeatures.ComponentCount); i++)
            {
                if ((used & (1UL << i)) == 0)
                {
                    Initialize(image, i);
                }
            }

            if ((used & (XsaveLayout.Sse | XsaveLayout.Avx)) == 0)
            {
                BinaryPrimitives.WriteUInt32LittleEndian(image[XsaveLayout.Mxcsr..], XsaveLayout.InitialMxcsr);
            }
        }

        return image;
    }

    /// <summary>The image, to write registers of <paramref name="components"/>, which count as used from here on.</summary>
    private Span<byte> ExtendedForWrite(ulong components)
    {
        var image = Extended();
        var used = BinaryPrimitives.ReadUInt64LittleEndian(image[XsaveLayout.LegacySize..]);
        BinaryPrimitives.WriteUInt64LittleEndian(image[XsaveLayout.LegacySize..], used | components);
        _changed |= StateParts.Extended;
        return image;
    }

    /// <summary>Gives the bytes of one component their initial values; MXCSR belongs to two of them and is not touched.</summary>
    private readonly void Initialize(Span<byte> image, int component)
    {
        switch (component)
        {
            case 0:
                image[..XsaveLayout.Mxcsr].Clear();
                image[XsaveLayout.X87Registers..XsaveLayout.XmmRegisters].Clear();
                BinaryPrimitives.WriteUInt16LittleEndian(image, XsaveLayout.InitialControlWord);
                break;
            case 1:
                image.Slice(XsaveLayout.XmmRegisters, 256).Clear();
                break;
            default:
                ref readonly var part = ref _features.Component(component);
                if (!part.IsSupervisor && part.SizeBytes != 0)
                {
                    image.Slice(part.Offset, part.SizeBytes).Clear();
                }

                break;
        }
    }

    private uint Mxcsr
    {
        get => BinaryPrimitives.ReadUInt32LittleEndian(Extended()[XsaveLayout.Mxcsr..]);
        set => BinaryPrimitives.WriteUInt32LittleEndian(ExtendedForWrite(XsaveLayout.Sse)[XsaveLayout.Mxcsr..], value);
    }
}
