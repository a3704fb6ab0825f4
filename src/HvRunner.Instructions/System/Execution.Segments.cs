// Descriptor look-up, loads of data segments, VERR, VERW, LAR and LSL, and the FS and GS bases (SDM vol. 3A, 3.4 and 5.10; vol. 2).
// System segments and far pointers are in SystemSegments, loads of CS in the far transfers and in interrupt delivery.
using HvRunner.Abstractions;
using Iced.Intel;

namespace HvRunner.Instructions;

internal enum LookUp
{
    Found,
    Outside,
    Fault,
}

internal ref partial struct Execution<TMemory, THost>
{
    /// <summary>Reads a descriptor; null selectors and those beyond their table are outside.</summary>
    private LookUp FindDescriptor(ushort selector, out SegmentDescriptor descriptor, out ulong address)
    {
        descriptor = default;
        address = 0;
        if ((selector & 0xfffc) == 0)
        {
            return LookUp.Outside;
        }

        ref var ldt = ref _state.Segments[(int)SegmentName.Ldtr];
        var isLocal = (selector & 4) != 0;
        var limit = isLocal ? ldt.Limit : _state.Gdtr.Limit;
        if ((isLocal && ldt.Unusable) || (selector | 7u) > limit)
        {
            return LookUp.Outside;
        }

        address = (isLocal ? ldt.Base : _state.Gdtr.Base) + (selector & 0xfff8u);
        if (!TryReadSystem(address, 8, out var raw))
        {
            return LookUp.Fault;
        }

        descriptor = new SegmentDescriptor(raw);
        return LookUp.Found;
    }

    /// <summary>Sets the accessed bit of a descriptor that is about to be loaded.</summary>
    private bool TryMarkAccessed(in SegmentDescriptor descriptor, ulong address)
    {
        if ((descriptor.Type & 1) != 0)
        {
            return true;
        }

        if (!TryTranslate(address + 5, 1, Access.Write | Access.Implicit, out var span))
        {
            return false;
        }

        WriteSpan(span, (byte)(descriptor.Raw >> 40) | 1UL);
        return true;
    }

    private Outcome LoadSegmentByMove(Register register)
    {
        if (register == Register.CS)
        {
            return UndefinedOpcode();
        }

        return TryRead(1, out var selector) ? LoadSegment(register, (ushort)selector) : Outcome.Fault;
    }

    private Outcome LoadSegmentByPop(Register register, int size)
    {
        if (!TryPeek(0, size, out var selector))
        {
            return Outcome.Fault;
        }

        // The new stack segment must not decide how wide the old stack's pointer is.
        var mask = StackMask;
        var outcome = LoadSegment(register, (ushort)selector);
        if (outcome == Outcome.Done)
        {
            ref var rsp = ref _state.General[(int)GeneralRegister.Rsp];
            rsp = mask == 0xffff ? (rsp & ~mask) | ((rsp + (ulong)size) & mask) : (rsp + (ulong)size) & mask;
        }

        return outcome;
    }

    private Outcome LoadSegment(Register register, ushort selector)
    {
        ref var segment = ref _state.Segments[register - Register.ES];
        var isStack = register == Register.SS;
        var error = (uint)(selector & 0xfffc);
        if (!_isProtected)
        {
            segment.Selector = selector;
            segment.Base = (uint)selector << 4;
        }
        else if (error == 0)
        {
            // A null SS is for 64-bit code below CPL 3 only, and its RPL is the CPL then.
            if (isStack && (!_is64 || _cpl == 3 || (selector & 3) != _cpl))
            {
                return GeneralProtection();
            }

            segment = new SegmentRegister { Selector = selector, Unusable = true, Attributes = (ushort)(isStack ? _cpl << 5 : 0) };
        }
        else
        {
            var found = FindDescriptor(selector, out var descriptor, out var address);
            if (found != LookUp.Found)
            {
                return found == LookUp.Fault ? Outcome.Fault : Raise(ExceptionVector.GeneralProtection, error);
            }

            var rpl = selector & 3;
            var allowed = isStack
                ? rpl == _cpl && descriptor.Dpl == _cpl && descriptor.IsWritableData
                : descriptor.IsReadable && (descriptor.IsConforming || descriptor.Dpl >= Math.Max(rpl, _cpl));
            if (!allowed)
            {
                return Raise(ExceptionVector.GeneralProtection, error);
            }

            if (!descriptor.Present)
            {
                return Raise(isStack ? ExceptionVector.StackFault : ExceptionVector.SegmentNotPresent, error);
            }

            if (!TryMarkAccessed(descriptor, address))
            {
                return Outcome.Fault;
            }

            segment = descriptor.ToRegister(selector);
        }

        _shadow |= isStack;
        _shadowByStack |= isStack;
        _changed |= StateParts.System;
        return Outcome.Done;
    }

    /// <summary>VERR and VERW set ZF when the segment can be read or written at this CPL and RPL; LAR and LSL also answer with its parts.</summary>
    private Outcome QueryDescriptor()
    {
        if (!_isProtected)
        {
            return UndefinedOpcode();
        }

        var source = _instruction.OpCount - 1;
        if (!TryReadSelector(source, out var selector))
        {
            return Outcome.Fault;
        }

        var found = FindDescriptor(selector, out var descriptor, out _);
        if (found == LookUp.Fault)
        {
            return Outcome.Fault;
        }

        var visible = found == LookUp.Found && (descriptor.IsConforming || descriptor.Dpl >= Math.Max(selector & 3, _cpl));
        visible = visible && _instruction.Mnemonic switch
        {
            Mnemonic.Verr => descriptor.IsReadable,
            Mnemonic.Verw => descriptor.IsWritableData,
            Mnemonic.Lar => descriptor.IsCodeOrData || IsSystemTypeOf(descriptor.Type, 0x1a3e),
            _ => descriptor.IsCodeOrData || IsSystemTypeOf(descriptor.Type, 0x0a0e),
        };
        _state.Rflags = visible ? _state.Rflags | Flag.Zero : _state.Rflags & ~Flag.Zero;
        if (visible && _instruction.Mnemonic is Mnemonic.Lar or Mnemonic.Lsl)
        {
            var value = _instruction.Mnemonic == Mnemonic.Lar ? (descriptor.Raw >> 32) & 0x00f0_ff00 : descriptor.Limit;
            if (visible)
            {
                WriteRegister(_instruction.Op0Register, value);
            }
        }

        return Outcome.Done;
    }

    /// <summary>
    /// Valid system types for LAR (TSS, LDT, call and task gates) and LSL (TSS, LDT), as a bit mask; in IA-32e mode their 16-bit kinds are not.
    /// </summary>
    private readonly bool IsSystemTypeOf(int type, int mask)
    {
        mask = _is64Capable ? mask & 0x1a04 : mask;
        return (mask & (1 << type)) != 0;
    }

    private bool TryReadSelector(int operand, out ushort selector)
    {
        bool read;
        ulong value;
        if (IsMemory(operand))
        {
            read = TryReadMemory(MemorySegment, EffectiveAddress(), 2, out value);
        }
        else
        {
            read = TryRead(operand, out value);
        }

        selector = (ushort)value;
        return read;
    }

    private Outcome AccessSegmentBase()
    {
        if (!_is64 || (_state.Cr4 & ControlBit.Cr4Fsgsbase) == 0)
        {
            return UndefinedOpcode();
        }

        var mnemonic = _instruction.Mnemonic;
        ref var segment = ref _state.Segments[(int)(mnemonic is Mnemonic.Rdfsbase or Mnemonic.Wrfsbase ? SegmentName.Fs : SegmentName.Gs)];
        if (mnemonic is Mnemonic.Rdfsbase or Mnemonic.Rdgsbase)
        {
            WriteRegister(_instruction.Op0Register, segment.Base);
            return Outcome.Done;
        }

        var value = ReadRegister(_instruction.Op0Register);
        if (!IsCanonical(value))
        {
            return GeneralProtection();
        }

        segment.Base = value;
        _changed |= StateParts.System;
        return Outcome.Done;
    }

    private Outcome SwapGs()
    {
        if (_cpl != 0)
        {
            return GeneralProtection();
        }

        ref var gs = ref _state.Segments[(int)SegmentName.Gs];
        if (!_host.TryReadMsr(Msr.KernelGsBase, out var other) || !_host.TryWriteMsr(Msr.KernelGsBase, gs.Base))
        {
            return Outcome.Unsupported;
        }

        gs.Base = other;
        _changed |= StateParts.System;
        return Outcome.Done;
    }
}
