// XRSTOR, XRSTORS and FXRSTOR (SDM vol. 1, 13.8, 13.12, 10.5.2): header checks first, then the whole area is translated and judged on a copy,
// and only then do registers change. What Execution.Xsave.cs does not do is not done here either.
using System.Buffers.Binary;
using HvRunner.Abstractions;
using Iced.Intel;

namespace HvRunner.Instructions;

internal ref partial struct Execution<TMemory, THost>
{
    private Outcome RestoreExtended()
    {
        var supervisor = _instruction.Mnemonic is Mnemonic.Xrstors or Mnemonic.Xrstors64;
        if (!TryOpenXsave(supervisor, out var components, out var offset) ||
            !TryOpenArea(offset, XsaveLayout.FirstExtended, 64, Access.Read, out var area))
        {
            return Outcome.Fault;
        }

        Span<byte> header = stackalloc byte[XsaveLayout.HeaderSize];
        ReadArea(area, XsaveLayout.LegacySize, header);
        var used = BinaryPrimitives.ReadUInt64LittleEndian(header);
        var layout = BinaryPrimitives.ReadUInt64LittleEndian(header[8..]);
        var isCompacted = (layout & XsaveLayout.Compacted) != 0;
        layout &= ~XsaveLayout.Compacted;
        var enabled = _state.Extended.Xcr0;
        if (supervisor && _features.SupportedXss != 0 && _host.TryReadMsr(XssMsr, out var xss))
        {
            enabled |= xss;
        }

        var isValid = isCompacted
            ? (layout & ~enabled) == 0 && (used & ~layout) == 0 && header[16..].IndexOfAnyExcept((byte)0) < 0
            : !supervisor && (used & ~enabled) == 0 && header[8..24].IndexOfAnyExcept((byte)0) < 0;
        if (!isValid)
        {
            return GeneralProtection();
        }

        var loaded = components & used;
        var end = XsaveLayout.FirstExtended;
        for (var i = 2; i < ProcessorFeatures.ComponentCount; i++)
        {
            ref readonly var part = ref _features.Component(i);
            if ((loaded & (1UL << i)) != 0)
            {
                if (part.IsSupervisor || part.SizeBytes == 0)
                {
                    return Outcome.Unsupported;
                }

                end = Math.Max(end, (isCompacted ? CompactedOffset(layout, i) : part.Offset) + part.SizeBytes);
            }
        }

        if (components >> ProcessorFeatures.ComponentCount != 0 || end > ExtendedState.ImageSizeBytes)
        {
            return Outcome.Unsupported;
        }

        if (!TryOpenArea(offset, end, 64, Access.Read, out area))
        {
            return Outcome.Fault;
        }

        // Judged and loaded from one copy: another processor may write to the area meanwhile.
        Span<byte> copy = stackalloc byte[ExtendedState.ImageSizeBytes];
        copy = copy[..end];
        ReadArea(area, 0, copy);
        var loadsMxcsr = isCompacted
            ? (loaded & XsaveLayout.Sse) != 0
            : (components & (XsaveLayout.Sse | XsaveLayout.Avx)) != 0;
        var mxcsr = BinaryPrimitives.ReadUInt32LittleEndian(copy[XsaveLayout.Mxcsr..]);
        if (loadsMxcsr && (mxcsr & ~XsaveLayout.MxcsrMask) != 0)
        {
            return GeneralProtection();
        }

        var image = ExtendedForWrite(0);
        for (var i = 0; i < ProcessorFeatures.ComponentCount; i++)
        {
            if ((components & (1UL << i)) == 0)
            {
                continue;
            }

            if ((loaded & (1UL << i)) == 0)
            {
                Initialize(image, i);
            }
            else if (i < 2)
            {
                LoadLegacy(image, copy, 1UL << i, _instruction.Mnemonic is Mnemonic.Xrstor64 or Mnemonic.Xrstors64);
            }
            else
            {
                ref readonly var part = ref _features.Component(i);
                var source = isCompacted ? CompactedOffset(layout, i) : part.Offset;
                copy.Slice(source, part.SizeBytes).CopyTo(image.Slice(part.Offset, part.SizeBytes));
            }
        }

        if (loadsMxcsr || (isCompacted && (components & XsaveLayout.Sse) != 0))
        {
            BinaryPrimitives.WriteUInt32LittleEndian(image[XsaveLayout.Mxcsr..], loadsMxcsr ? mxcsr : XsaveLayout.InitialMxcsr);
        }

        // A component outside the legacy area stays unused; SSE is marked used when MXCSR alone differs, or the image would lose it.
        var now = (XstateBv & ~components) | loaded;
        XstateBv = Mxcsr != XsaveLayout.InitialMxcsr && (now & XsaveLayout.Avx) == 0 ? now | XsaveLayout.Sse : now;
        return Outcome.Done;
    }

    /// <summary>Copies the registers of the x87 or SSE component from a memory image; MXCSR is the caller's.</summary>
    private readonly void LoadLegacy(Span<byte> image, ReadOnlySpan<byte> source, ulong components, bool wide)
    {
        if ((components & XsaveLayout.X87) != 0)
        {
            source[..XsaveLayout.Mxcsr].CopyTo(image);
            image[5] = 0;
            if (!wide)
            {
                image.Slice(XsaveLayout.InstructionPointer + 4, 4).Clear();
                image.Slice(XsaveLayout.DataPointer + 4, 4).Clear();
            }

            // Each register has 10 bytes; the other 6 are reserved.
            for (var i = 0; i < 8; i++)
            {
                var slot = XsaveLayout.X87Registers + (16 * i);
                source.Slice(slot, 10).CopyTo(image[slot..]);
            }
        }

        if ((components & XsaveLayout.Sse) != 0)
        {
            var length = 16 * (_is64 ? 16 : 8);
            source.Slice(XsaveLayout.XmmRegisters, length).CopyTo(image[XsaveLayout.XmmRegisters..]);
        }
    }

    private Outcome RestoreLegacy()
    {
        if ((_state.Cr0 & (ControlBit.Cr0Ts | ControlBit.Cr0Em)) != 0)
        {
            return Raise(ExceptionVector.DeviceNotAvailable);
        }

        if (!TryOpenArea(EffectiveAddress(), XsaveLayout.LegacySize, 16, Access.Read, out var area))
        {
            return Outcome.Fault;
        }

        Span<byte> copy = stackalloc byte[XsaveLayout.LegacySize];
        ReadArea(area, 0, copy);
        var mxcsr = BinaryPrimitives.ReadUInt32LittleEndian(copy[XsaveLayout.Mxcsr..]);
        if ((mxcsr & ~XsaveLayout.MxcsrMask) != 0)
        {
            return GeneralProtection();
        }

        var all = XsaveLayout.X87 | XsaveLayout.Sse;
        var image = ExtendedForWrite(all);
        LoadLegacy(image, copy, all, _instruction.Mnemonic == Mnemonic.Fxrstor64);
        BinaryPrimitives.WriteUInt32LittleEndian(image[XsaveLayout.Mxcsr..], mxcsr);
        return Outcome.Done;
    }
}
