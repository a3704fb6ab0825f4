// System instructions: segment queries and bases, descriptor-table registers, control and debug registers, MSRs, translation invalidation,
// MONITOR and MWAIT, HLT (SDM vol. 2; vol. 3A, 2.8). MWAIT and MONITOR complete without waiting, which the manual allows: a waiting loop looks
// at its condition again anyway.
// Writes to control registers, debug registers, model-specific registers and port I/O have files of their own.
// Not done: the instructions of virtualization itself (VMX, SVM).
using HvRunner.Abstractions;
using Iced.Intel;

namespace HvRunner.Instructions;

internal ref partial struct Execution<TMemory, THost>
{
    private Outcome ExecuteSystem()
    {
        switch (_instruction.Mnemonic)
        {
            case Mnemonic.Verr or Mnemonic.Verw or Mnemonic.Lar or Mnemonic.Lsl:
                return QueryDescriptor();
            case Mnemonic.Rdfsbase or Mnemonic.Rdgsbase or Mnemonic.Wrfsbase or Mnemonic.Wrgsbase:
                return AccessSegmentBase();
            case Mnemonic.Swapgs:
                return SwapGs();
            case Mnemonic.Invpcid:
                return InvalidateByProcessContext();
            case Mnemonic.Monitor:
                return Monitor();
            case Mnemonic.Mwait:
                return MonitorWait();
            case Mnemonic.Sgdt or Mnemonic.Sidt:
                return StoreTable();
            case Mnemonic.Lgdt or Mnemonic.Lidt:
                return LoadTable();
            case Mnemonic.Smsw:
                return IsHiddenFromUser() ? GeneralProtection() : TryWrite(0, _state.Cr0) ? Outcome.Done : Outcome.Fault;
            case Mnemonic.Sldt or Mnemonic.Str:
                return StoreSystemSelector(_instruction.Mnemonic == Mnemonic.Sldt ? SegmentName.Ldtr : SegmentName.Tr);
            case Mnemonic.Lmsw:
                return LoadStatusWord();
            case Mnemonic.Ltr:
                return LoadTaskRegister();
            case Mnemonic.Lldt:
                return LoadLocalTable();
            case Mnemonic.Arpl:
                return AdjustPrivilege();
            case Mnemonic.Rdpmc:
                return ReadPerformanceCounter();
            case Mnemonic.Vmcall or Mnemonic.Vmmcall:
                return _host.TryHypercall(_state) ? Outcome.Done : UndefinedOpcode();
            case Mnemonic.Clts or Mnemonic.Invlpg or Mnemonic.Wbinvd or Mnemonic.Invd or Mnemonic.Wbnoinvd or Mnemonic.Hlt or
                Mnemonic.Rdmsr or Mnemonic.Wrmsr:
                return _cpl == 0 ? ExecutePrivileged() : GeneralProtection();
            default:
                return Outcome.Elsewhere;
        }
    }

    private Outcome ExecutePrivileged()
    {
        switch (_instruction.Mnemonic)
        {
            case Mnemonic.Clts:
                _state.Cr0 &= ~ControlBit.Cr0Ts;
                _changed |= StateParts.System;
                return Outcome.Done;
            case Mnemonic.Invlpg:
                InvalidatePage();
                return Outcome.Done;
            case Mnemonic.Hlt:
                _halted = true;
                return Outcome.Done;
            case Mnemonic.Rdmsr:
                return ReadMsr();
            case Mnemonic.Wrmsr:
                return WriteMsr();
            default:
                return Outcome.Done;
        }
    }

    private Outcome InvalidateByProcessContext()
    {
        if (_cpl != 0)
        {
            return GeneralProtection();
        }

        Span<byte> descriptor = stackalloc byte[16];
        if (!TryGetLinear(MemorySegment, EffectiveAddress(), 16, Access.Read, out var linear) ||
            !TryTranslate(linear, 16, Access.Read, out var span))
        {
            return Outcome.Fault;
        }

        ReadSpan(span, descriptor);
        var type = ReadRegister(_instruction.Op0Register);
        var context = BitConverter.ToUInt64(descriptor);
        var address = BitConverter.ToUInt64(descriptor[8..]);
        var contextsEnabled = (_state.Cr4 & ControlBit.Cr4Pcide) != 0;

        // Type 0 one address of one context, 1 one context, 2 everything, 3 everything but global pages.
        var isValid = type <= 3 && (context >> 12) == 0 &&
            (type > 1 || contextsEnabled || context == 0) &&
            (type != 0 || IsCanonical(address));
        if (!isValid)
        {
            return GeneralProtection();
        }

        _flush = type switch { 0 => TranslationFlush.Page, 2 => TranslationFlush.All, _ => TranslationFlush.NonGlobal };
        _flushAddress = address;
        return Outcome.Done;
    }

    /// <summary>An address that is not canonical, or outside its segment, is no fault: there is nothing to forget.</summary>
    private void InvalidatePage()
    {
        var offset = EffectiveAddress();
        ref var segment = ref _state.Segments[(int)MemorySegment];
        if (_is64)
        {
            _flushAddress = MemorySegment is SegmentName.Fs or SegmentName.Gs ? segment.Base + offset : offset;
        }
        else
        {
            _flushAddress = (uint)(segment.Base + offset);
        }

        _flush = TranslationFlush.Page;
    }

    /// <summary>CR4.UMIP keeps the tables' and selectors' values from code above CPL 0 (SDM vol. 3A, 2.5).</summary>
    private readonly bool IsHiddenFromUser() => _cpl != 0 && (_state.Cr4 & ControlBit.Cr4Umip) != 0;

    private Outcome Monitor()
    {
        if (_cpl != 0)
        {
            return UndefinedOpcode();
        }

        if ((uint)_state[GeneralRegister.Rcx] != 0)
        {
            return GeneralProtection();
        }

        // The monitored address is checked and translated as for a load of one byte; the segment may be overridden.
        var prefix = _instruction.SegmentPrefix;
        var segment = prefix == Register.None ? SegmentName.Ds : (SegmentName)(prefix - Register.ES);
        var address = _instruction.Op0Register switch
        {
            Register.AX => (ushort)_state[GeneralRegister.Rax],
            Register.EAX => (uint)_state[GeneralRegister.Rax],
            _ => _state[GeneralRegister.Rax],
        };
        return TryLocate(segment, address, 1, Access.Read, out _) ? Outcome.Done : Outcome.Fault;
    }

    private Outcome MonitorWait()
    {
        if (_cpl != 0)
        {
            return UndefinedOpcode();
        }

        // Bit 0: an interrupt wakes even when masked.
        return ((uint)_state[GeneralRegister.Rcx] & ~1u) != 0 ? GeneralProtection() : Outcome.Done;
    }

    private Outcome StoreTable()
    {
        if (IsHiddenFromUser())
        {
            return GeneralProtection();
        }

        var table = _instruction.Mnemonic == Mnemonic.Sgdt ? _state.Gdtr : _state.Idtr;
        var size = _is64 ? 10 : 6;
        Span<byte> bytes = stackalloc byte[10];
        BitConverter.TryWriteBytes(bytes, table.Limit);
        BitConverter.TryWriteBytes(bytes[2..], table.Base);
        if (!TryLocate(MemorySegment, EffectiveAddress(), size, Access.Write, out var span))
        {
            return Outcome.Fault;
        }

        WriteSpan(span, bytes[..size]);
        return Outcome.Done;
    }

    private Outcome LoadTable()
    {
        if (_cpl != 0)
        {
            return GeneralProtection();
        }

        var size = _is64 ? 10 : 6;
        Span<byte> bytes = stackalloc byte[10];
        if (!TryLocate(MemorySegment, EffectiveAddress(), size, Access.Read, out var span))
        {
            return Outcome.Fault;
        }

        ReadSpan(span, bytes[..size]);
        var address = BitConverter.ToUInt64(bytes[2..]);
        if (_is64 && !IsCanonical(address))
        {
            return GeneralProtection();
        }

        // With a 16-bit operand only 24 bits of the base are loaded.
        address = _instruction.Code is Code.Lgdt_m1632_16 or Code.Lidt_m1632_16 ? address & 0xff_ffff : address;
        var table = new DescriptorTableRegister(address, BitConverter.ToUInt16(bytes));
        if (_instruction.Mnemonic == Mnemonic.Lgdt)
        {
            _state.Gdtr = table;
        }
        else
        {
            _state.Idtr = table;
        }

        _changed |= StateParts.System;
        return Outcome.Done;
    }

    /// <summary>MOV from and to control and debug registers.</summary>
    private Outcome MoveSystemRegister()
    {
        var to = _instruction.Op0Register;
        var from = _instruction.Op1Register;
        var isWrite = to > Register.R15;
        var system = isWrite ? to : from;
        if (_cpl != 0)
        {
            return GeneralProtection();
        }

        if (system is >= Register.DR0 and <= Register.DR7)
        {
            return MoveDebugRegister(system - Register.DR0, isWrite);
        }

        if (isWrite)
        {
            return WriteControlRegister(to, ReadRegister(from));
        }

        ulong? value = from switch
        {
            Register.CR0 => _state.Cr0,
            Register.CR2 => _state.Cr2,
            Register.CR3 => _state.Cr3,
            Register.CR4 => _state.Cr4,
            Register.CR8 => _state.Cr8,
            _ => null,
        };
        if (value is null)
        {
            return UndefinedOpcode();
        }

        WriteRegister(to, value.Value);
        return Outcome.Done;
    }
}
