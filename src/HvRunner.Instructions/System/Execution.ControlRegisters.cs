// Writes to CR0, CR3, CR4, CR8 and EFER with the checks of SDM vol. 3A, 2.5, 4.1.2 and 10.8.5 and vol. 2, MOV to control registers: mode changes,
// activation and deactivation of IA-32e mode, PCIDs, and what a translation cache must forget (vol. 3A, 4.10.4.1).
// The page-directory-pointer entries of PAE paging are checked here, but the walk reads them from memory each time: a guest that changes them
// without a load of CR3 sees the change at once.
// Not done: CR4.CET, PKE, VMXE and SMXE, which are refused as reserved.
using HvRunner.Abstractions;
using Iced.Intel;

namespace HvRunner.Instructions;

internal ref partial struct Execution<TMemory, THost>
{
    private const ulong TranslatingCr4Bits = ControlBit.Cr4Pge | ControlBit.Cr4Pse | ControlBit.Cr4Pae | ControlBit.Cr4La57 |
        ControlBit.Cr4Pcide | ControlBit.Cr4Smep | ControlBit.Cr4Smap;

    private const ulong PdpteCr4Bits = ControlBit.Cr4Pge | ControlBit.Cr4Pse | ControlBit.Cr4Pae | ControlBit.Cr4Smep;

    private Outcome WriteControlRegister(Register register, ulong value)
    {
        switch (register)
        {
            case Register.CR0:
                return WriteCr0(value);
            case Register.CR2:
                _state.Cr2 = value;
                break;
            case Register.CR3:
                return WriteCr3(value);
            case Register.CR4:
                return WriteCr4(value);
            case Register.CR8:
                if (value > 15)
                {
                    return GeneralProtection();
                }

                _state.Cr8 = value;
                _host.TaskPriorityWritten(value);
                break;
            default:
                return UndefinedOpcode();
        }

        _changed |= StateParts.System;
        return Outcome.Done;
    }

    private Outcome WriteCr0(ulong value)
    {
        const ulong Defined = ControlBit.Cr0Pe | ControlBit.Cr0Mp | ControlBit.Cr0Em | ControlBit.Cr0Ts | ControlBit.Cr0Et | ControlBit.Cr0Ne |
            ControlBit.Cr0Wp | ControlBit.Cr0Am | ControlBit.Cr0Nw | ControlBit.Cr0Cd | ControlBit.Cr0Pg;
        var old = _state.Cr0;
        var pages = (value & ControlBit.Cr0Pg) != 0;
        if (value >> 32 != 0 || (pages && (value & ControlBit.Cr0Pe) == 0) ||
            ((value & ControlBit.Cr0Nw) != 0 && (value & ControlBit.Cr0Cd) == 0))
        {
            return GeneralProtection();
        }

        // Reserved bits of the lower half are ignored; ET is always 1.
        value = (value & Defined) | ControlBit.Cr0Et;
        var changed = old ^ value;
        var efer = _state.Efer;
        if ((changed & ControlBit.Cr0Pg) != 0)
        {
            if (!pages)
            {
                // Out of 64-bit mode the way leads through compatibility mode, and PCIDs are off before paging is.
                if (_is64 || (_state.Cr4 & ControlBit.Cr4Pcide) != 0)
                {
                    return GeneralProtection();
                }

                efer &= ~ControlBit.EferLma;
            }
            else if ((efer & ControlBit.EferLme) != 0)
            {
                // The task register must not hold a 16-bit TSS when IA-32e mode begins.
                ref var tss = ref _state.Segments[(int)SegmentName.Tr];
                if ((_state.Cr4 & ControlBit.Cr4Pae) == 0 || _state.Segments[(int)SegmentName.Cs].Long || (!tss.Unusable && tss.Type is 1 or 3))
                {
                    return GeneralProtection();
                }

                efer |= ControlBit.EferLma;
            }
        }

        var pointersLoad = pages && (changed & (ControlBit.Cr0Pg | ControlBit.Cr0Cd | ControlBit.Cr0Nw)) != 0;
        if (pointersLoad && !HasValidPointers(_state.Cr3, _state.Cr4, efer))
        {
            return GeneralProtection();
        }

        _state.Cr0 = value;
        _state.Efer = efer;
        if ((changed & (ControlBit.Cr0Pg | ControlBit.Cr0Wp | ControlBit.Cr0Pe)) != 0)
        {
            _flush = TranslationFlush.All;
        }

        _changed |= StateParts.System;
        return Outcome.Done;
    }

    private Outcome WriteCr3(ulong value)
    {
        // Bit 63 asks to keep translations when PCIDs are on; it is not kept.
        value = (_state.Cr4 & ControlBit.Cr4Pcide) != 0 ? value & ~(1UL << 63) : value;
        if ((value & ~_features.PhysicalAddressMask) != 0 ||
            ((_state.Cr0 & ControlBit.Cr0Pg) != 0 && !HasValidPointers(value, _state.Cr4, _state.Efer)))
        {
            return GeneralProtection();
        }

        _state.Cr3 = value;
        _flush = TranslationFlush.NonGlobal;
        _changed |= StateParts.System;
        return Outcome.Done;
    }

    private Outcome WriteCr4(ulong value)
    {
        var changed = _state.Cr4 ^ value;
        var isLong = (_state.Efer & ControlBit.EferLma) != 0;
        var isRefused = (value & ~_features.SupportedCr4) != 0 ||
            (isLong && ((value & ControlBit.Cr4Pae) == 0 || (changed & ControlBit.Cr4La57) != 0));
        if ((changed & value & ControlBit.Cr4Pcide) != 0)
        {
            // PCIDs start in IA-32e mode, in context 0.
            isRefused |= !isLong || (_state.Cr3 & 0xfff) != 0;
        }

        if ((_state.Cr0 & ControlBit.Cr0Pg) != 0 && (changed & PdpteCr4Bits) != 0)
        {
            isRefused = isRefused || !HasValidPointers(_state.Cr3, value, _state.Efer);
        }

        if (isRefused)
        {
            return GeneralProtection();
        }

        _state.Cr4 = value;
        if ((changed & TranslatingCr4Bits) != 0)
        {
            _flush = TranslationFlush.All;
        }

        _changed |= StateParts.System;
        return Outcome.Done;
    }

    /// <summary>Reserved bits of the four page-directory-pointer entries, in PAE paging without IA-32e mode (SDM vol. 3A, 4.4.1).</summary>
    private readonly bool HasValidPointers(ulong cr3, ulong cr4, ulong efer)
    {
        if ((cr4 & ControlBit.Cr4Pae) == 0 || (efer & ControlBit.EferLma) != 0)
        {
            return true;
        }

        for (uint i = 0; i < 4; i++)
        {
            var entry = ReadPhysical64((cr3 & 0xffff_ffe0) + (8 * i));
            if ((entry & EntryPresent) != 0 && (entry & (~_features.PhysicalAddressMask | 0x1e6)) != 0)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>LMSW: the four lowest bits of CR0, of which PE can be set only.</summary>
    private Outcome LoadStatusWord()
    {
        if (_cpl != 0)
        {
            return GeneralProtection();
        }

        if (!TryRead(0, out var value))
        {
            return Outcome.Fault;
        }

        const ulong Loaded = ControlBit.Cr0Mp | ControlBit.Cr0Em | ControlBit.Cr0Ts;
        return WriteCr0((_state.Cr0 & ~Loaded) | (value & (Loaded | ControlBit.Cr0Pe)));
    }

    private Outcome WriteEfer(ulong value)
    {
        var old = _state.Efer;
        var pages = (_state.Cr0 & ControlBit.Cr0Pg) != 0;
        if ((value & ~(_features.SupportedEfer | ControlBit.EferLma)) != 0 || (pages && ((old ^ value) & ControlBit.EferLme) != 0))
        {
            return GeneralProtection();
        }

        // LMA follows CR0.PG alone.
        _state.Efer = (value & ~ControlBit.EferLma) | (old & ControlBit.EferLma);
        if (((old ^ value) & ControlBit.EferNxe) != 0)
        {
            _flush = TranslationFlush.All;
        }

        _changed |= StateParts.System;
        return Outcome.Done;
    }
}
