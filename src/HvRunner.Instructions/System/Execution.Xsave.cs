// XGETBV, XSETBV, the XSAVE family, FXSAVE and FXRSTOR (SDM vol. 1, 13.6 to 13.13, 10.5; vol. 2): which components move, the checks, and the
// saving side. Restoring is in Execution.Xrstor.cs. Init optimization is used wherever it is allowed, the modified optimization never.
// Not done: contents of supervisor components (CET and the like): they count as initial, and restoring one that is not is unsupported;
// areas above 4 KiB (AMX).
using System.Buffers.Binary;
using HvRunner.Abstractions;
using Iced.Intel;

namespace HvRunner.Instructions;

internal ref partial struct Execution<TMemory, THost>
{
    private const uint XssMsr = 0xda0;

    private Outcome ExecuteXsave()
    {
        switch (_instruction.Mnemonic)
        {
            case Mnemonic.Xgetbv:
                return ReadExtendedControl();
            case Mnemonic.Xsetbv:
                return WriteExtendedControl();
            case Mnemonic.Xsave or Mnemonic.Xsave64 or Mnemonic.Xsaveopt or Mnemonic.Xsaveopt64:
                return SaveStandard();
            case Mnemonic.Xsavec or Mnemonic.Xsavec64 or Mnemonic.Xsaves or Mnemonic.Xsaves64:
                return SaveCompacted();
            case Mnemonic.Xrstor or Mnemonic.Xrstor64 or Mnemonic.Xrstors or Mnemonic.Xrstors64:
                return RestoreExtended();
            case Mnemonic.Fxsave or Mnemonic.Fxsave64:
                return SaveLegacy();
            case Mnemonic.Fxrstor or Mnemonic.Fxrstor64:
                return RestoreLegacy();
            default:
                return Outcome.Elsewhere;
        }
    }

    private Outcome ReadExtendedControl()
    {
        if ((_state.Cr4 & ControlBit.Cr4Osxsave) == 0)
        {
            return UndefinedOpcode();
        }

        Extended();
        ulong value;
        switch ((uint)_state[GeneralRegister.Rcx])
        {
            case 0:
                value = _state.Extended.Xcr0;
                break;
            case 1:
                value = _state.Extended.Xcr0 & UsedComponents(false);
                break;
            default:
                return GeneralProtection();
        }

        _state[GeneralRegister.Rax] = (uint)value;
        _state[GeneralRegister.Rdx] = value >> 32;
        return Outcome.Done;
    }

    private Outcome WriteExtendedControl()
    {
        if ((_state.Cr4 & ControlBit.Cr4Osxsave) == 0)
        {
            return UndefinedOpcode();
        }

        const ulong Bound = 0x18;
        const ulong Avx512 = 0xe0;
        var value = (_state[GeneralRegister.Rdx] << 32) | (uint)_state[GeneralRegister.Rax];
        var isValid = _cpl == 0 && (uint)_state[GeneralRegister.Rcx] == 0 &&
            (value & XsaveLayout.X87) != 0 &&
            (value & ~_features.SupportedXcr0) == 0 &&
            ((value & XsaveLayout.Avx) == 0 || (value & XsaveLayout.Sse) != 0) &&
            (value & Bound) is 0 or Bound &&
            ((value & Avx512) == 0 || ((value & Avx512) == Avx512 && (value & XsaveLayout.Avx) != 0));
        if (!isValid)
        {
            return GeneralProtection();
        }

        Extended();
        _state.Extended.Xcr0 = value;
        _changed |= StateParts.Extended;
        return Outcome.Done;
    }

    /// <summary>The common beginning of the family: availability, privilege, components asked for, alignment.</summary>
    private bool TryOpenXsave(bool supervisor, out ulong components, out ulong offset)
    {
        components = 0;
        offset = 0;
        if ((_state.Cr4 & ControlBit.Cr4Osxsave) == 0)
        {
            UndefinedOpcode();
            return false;
        }

        if (supervisor && _cpl != 0)
        {
            return Refuse(ExceptionVector.GeneralProtection, 0);
        }

        if ((_state.Cr0 & ControlBit.Cr0Ts) != 0)
        {
            Raise(ExceptionVector.DeviceNotAvailable);
            return false;
        }

        Extended();
        var enabled = _state.Extended.Xcr0;
        if (supervisor && _features.SupportedXss != 0 && _host.TryReadMsr(XssMsr, out var xss))
        {
            enabled |= xss;
        }

        components = enabled & ((_state[GeneralRegister.Rdx] << 32) | (uint)_state[GeneralRegister.Rax]);
        offset = EffectiveAddress();
        return true;
    }

    /// <summary>Checks and translates an area; it must be aligned.</summary>
    private bool TryOpenArea(ulong offset, int size, int alignment, Access access, out PhysicalSpan area)
    {
        area = default;
        return TryGetAligned(offset, size, alignment, access, out var linear) && TryTranslate(linear, size, access, out area);
    }

    /// <summary>Components that are not in their initial configuration; SSE counts as used by MXCSR alone where the manual says so.</summary>
    private ulong UsedComponents(bool countMxcsr)
    {
        var used = XstateBv;
        return countMxcsr && Mxcsr != XsaveLayout.InitialMxcsr ? used | XsaveLayout.Sse : used;
    }

    private Outcome SaveStandard()
    {
        if (!TryOpenXsave(false, out var components, out var offset))
        {
            return Outcome.Fault;
        }

        var size = XsaveLayout.FirstExtended;
        for (var i = 2; i < ProcessorFeatures.ComponentCount; i++)
        {
            if ((components & (1UL << i)) != 0)
            {
                size = Math.Max(size, _features.Component(i).Offset + _features.Component(i).SizeBytes);
            }
        }

        if (components >> ProcessorFeatures.ComponentCount != 0 || size > ExtendedState.ImageSizeBytes)
        {
            return Outcome.Unsupported;
        }

        if (!TryOpenArea(offset, size, 64, Access.Write, out var area))
        {
            return Outcome.Fault;
        }

        // XSAVE writes initial components too, XSAVEOPT leaves their place in memory alone.
        var isOptimized = _instruction.Mnemonic is Mnemonic.Xsaveopt or Mnemonic.Xsaveopt64;
        var used = UsedComponents(false);
        var written = isOptimized ? components & used : components;
        var image = Extended();
        WriteLegacy(area, image, written, components, _instruction.Mnemonic is Mnemonic.Xsave64 or Mnemonic.Xsaveopt64);
        for (var i = 2; i < ProcessorFeatures.ComponentCount; i++)
        {
            if ((written & (1UL << i)) != 0)
            {
                ref readonly var part = ref _features.Component(i);
                WriteArea(area, part.Offset, image.Slice(part.Offset, part.SizeBytes));
            }
        }

        Span<byte> header = stackalloc byte[8];
        ReadArea(area, XsaveLayout.LegacySize, header);
        var kept = BinaryPrimitives.ReadUInt64LittleEndian(header) & ~components;
        BinaryPrimitives.WriteUInt64LittleEndian(header, kept | (components & used));
        WriteArea(area, XsaveLayout.LegacySize, header);
        return Outcome.Done;
    }

    private Outcome SaveCompacted()
    {
        var supervisor = _instruction.Mnemonic is Mnemonic.Xsaves or Mnemonic.Xsaves64;
        if (!TryOpenXsave(supervisor, out var components, out var offset))
        {
            return Outcome.Fault;
        }

        var size = CompactedOffset(components, ProcessorFeatures.ComponentCount);
        if (components >> ProcessorFeatures.ComponentCount != 0 || size > ExtendedState.ImageSizeBytes)
        {
            return Outcome.Unsupported;
        }

        if (!TryOpenArea(offset, size, 64, Access.Write, out var area))
        {
            return Outcome.Fault;
        }

        var written = components & UsedComponents(true);
        var image = Extended();
        WriteLegacy(area, image, written, written & ~XsaveLayout.Avx, _instruction.Mnemonic is Mnemonic.Xsavec64 or Mnemonic.Xsaves64);
        for (var i = 2; i < ProcessorFeatures.ComponentCount; i++)
        {
            ref readonly var part = ref _features.Component(i);
            if ((written & (1UL << i)) != 0 && !part.IsSupervisor)
            {
                WriteArea(area, CompactedOffset(components, i), image.Slice(part.Offset, part.SizeBytes));
            }
        }

        Span<byte> header = stackalloc byte[16];
        BinaryPrimitives.WriteUInt64LittleEndian(header, written);
        BinaryPrimitives.WriteUInt64LittleEndian(header[8..], components | XsaveLayout.Compacted);
        WriteArea(area, XsaveLayout.LegacySize, header);
        return Outcome.Done;
    }

    /// <summary>Where <paramref name="component"/> lies in the compacted format of <paramref name="components"/> (SDM vol. 1, 13.4.3).</summary>
    private readonly int CompactedOffset(ulong components, int component)
    {
        var offset = XsaveLayout.FirstExtended;
        for (var i = 2; i <= component && i < ProcessorFeatures.ComponentCount; i++)
        {
            if ((components & (1UL << i)) == 0)
            {
                continue;
            }

            ref readonly var part = ref _features.Component(i);
            if (part.IsAligned)
            {
                offset = (offset + 63) & ~63;
            }

            if (i != component)
            {
                offset += part.SizeBytes;
            }
        }

        return offset;
    }

    /// <summary>Writes the parts of the FXSAVE area that belong to the components; MXCSR when <paramref name="forMxcsr"/> has SSE or AVX.</summary>
    private readonly void WriteLegacy(in PhysicalSpan area, ReadOnlySpan<byte> image, ulong written, ulong forMxcsr, bool wide)
    {
        if ((written & XsaveLayout.X87) != 0)
        {
            Span<byte> environment = stackalloc byte[XsaveLayout.Mxcsr];
            image[..XsaveLayout.Mxcsr].CopyTo(environment);
            environment[5] = 0;
            if (!wide)
            {
                // Selectors take the upper half of each pointer; they are deprecated and 0.
                environment.Slice(XsaveLayout.InstructionPointer + 4, 4).Clear();
                environment.Slice(XsaveLayout.DataPointer + 4, 4).Clear();
            }

            WriteArea(area, 0, environment);
            WriteArea(area, XsaveLayout.X87Registers, image[XsaveLayout.X87Registers..XsaveLayout.XmmRegisters]);
        }

        if ((written & XsaveLayout.Sse) != 0)
        {
            WriteArea(area, XsaveLayout.XmmRegisters, image.Slice(XsaveLayout.XmmRegisters, 16 * (_is64 ? 16 : 8)));
        }

        if ((forMxcsr & (XsaveLayout.Sse | XsaveLayout.Avx)) != 0)
        {
            Span<byte> control = stackalloc byte[8];
            image.Slice(XsaveLayout.Mxcsr, 4).CopyTo(control);
            BinaryPrimitives.WriteUInt32LittleEndian(control[4..], XsaveLayout.MxcsrMask);
            WriteArea(area, XsaveLayout.Mxcsr, control);
        }
    }

    private Outcome SaveLegacy()
    {
        if ((_state.Cr0 & (ControlBit.Cr0Ts | ControlBit.Cr0Em)) != 0)
        {
            return Raise(ExceptionVector.DeviceNotAvailable);
        }

        if (!TryOpenArea(EffectiveAddress(), XsaveLayout.LegacySize, 16, Access.Write, out var area))
        {
            return Outcome.Fault;
        }

        var all = XsaveLayout.X87 | XsaveLayout.Sse;
        WriteLegacy(area, Extended(), all, all, _instruction.Mnemonic == Mnemonic.Fxsave64);
        return Outcome.Done;
    }

    private readonly void WriteArea(in PhysicalSpan area, int offset, ReadOnlySpan<byte> data)
    {
        var inFirst = Math.Clamp(area.FirstLength - offset, 0, data.Length);
        if (inFirst != 0)
        {
            _memory.TryWrite(area.First + (ulong)offset, data[..inFirst]);
        }

        if (inFirst != data.Length)
        {
            _memory.TryWrite(area.Second + (ulong)(offset + inFirst - area.FirstLength), data[inFirst..]);
        }
    }

    private readonly void ReadArea(in PhysicalSpan area, int offset, Span<byte> data)
    {
        var inFirst = Math.Clamp(area.FirstLength - offset, 0, data.Length);
        if (inFirst != 0)
        {
            ReadPhysical(area.First + (ulong)offset, data[..inFirst]);
        }

        if (inFirst != data.Length)
        {
            ReadPhysical(area.Second + (ulong)(offset + inFirst - area.FirstLength), data[inFirst..]);
        }
    }
}
