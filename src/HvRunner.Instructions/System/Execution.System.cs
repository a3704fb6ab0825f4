// System instructions: segment queries and bases, descriptor-table registers, control and debug registers, MSRs, translation invalidation,
// MONITOR and MWAIT, HLT (SDM vol. 2; vol. 3A, 2.8). MWAIT and MONITOR complete without waiting, which the manual allows: a waiting loop looks
// at its condition again anyway.
// Not done: writes to CR0 and CR4 (a mode switch belongs to the hypervisor), LTR, LLDT, SYSCALL and SYSENTER and their returns, port I/O.
using HvRunner.Abstractions;
using Iced.Intel;

namespace HvRunner.Instructions;

internal ref partial struct Execution<TMemory, THost>
{
    private bool _debugLoaded;

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
                return TryWrite(0, _state.Cr0) ? Outcome.Done : Outcome.Fault;
            case Mnemonic.Sldt or Mnemonic.Str:
                return !_isProtected ? UndefinedOpcode()
                    : TryWrite(0, _state[_instruction.Mnemonic == Mnemonic.Sldt ? SegmentName.Ldtr : SegmentName.Tr].Selector) ? Outcome.Done : Outcome.Fault;
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
                _flushTlb = true;
                return Outcome.Done;
            case Mnemonic.Hlt:
                _halted = true;
                return Outcome.Done;
            case Mnemonic.Rdmsr:
                if (!_host.TryReadMsr((uint)_state[GeneralRegister.Rcx], out var value))
                {
                    return GeneralProtection();
                }

                _state[GeneralRegister.Rax] = (uint)value;
                _state[GeneralRegister.Rdx] = value >> 32;
                return Outcome.Done;
            case Mnemonic.Wrmsr:
                var written = (_state[GeneralRegister.Rdx] << 32) | (uint)_state[GeneralRegister.Rax];
                return _host.TryWriteMsr((uint)_state[GeneralRegister.Rcx], written) ? Outcome.Done : GeneralProtection();
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

        _flushTlb = true;
        return Outcome.Done;
    }

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

    private Outcome WriteControlRegister(Register register, ulong value)
    {
        switch (register)
        {
            case Register.CR2:
                _state.Cr2 = value;
                break;
            case Register.CR3:
                // Bit 63 asks to keep translations when PCIDs are on; it is not kept.
                var keeps = (_state.Cr4 & ControlBit.Cr4Pcide) != 0 ? value & ~(1UL << 63) : value;
                if ((keeps & ~_features.PhysicalAddressMask) != 0)
                {
                    return GeneralProtection();
                }

                _state.Cr3 = keeps;
                _flushTlb = true;
                break;
            case Register.CR8:
                if (value > 15)
                {
                    return GeneralProtection();
                }

                _state.Cr8 = value;
                break;
            case Register.CR0 or Register.CR4:
                return Outcome.Unsupported;
            default:
                return UndefinedOpcode();
        }

        _changed |= StateParts.System;
        return Outcome.Done;
    }

    private Outcome MoveDebugRegister(int index, bool isWrite)
    {
        // DR4 and DR5 are DR6 and DR7 unless CR4.DE forbids them.
        if (index is 4 or 5)
        {
            if ((_state.Cr4 & (1 << 3)) != 0)
            {
                return UndefinedOpcode();
            }

            index += 2;
        }

        if (!_debugLoaded)
        {
            _host.LoadDebug(_state);
            _debugLoaded = true;
        }

        if (!isWrite)
        {
            WriteRegister(_instruction.Op0Register, _state.Debug[index]);
            return Outcome.Done;
        }

        var value = ReadRegister(_instruction.Op1Register);
        if (index >= 6 && value >> 32 != 0)
        {
            return GeneralProtection();
        }

        // Fixed bits (SDM vol. 3B, 18.2.3 and 18.2.4).
        _state.Debug[index] = index switch
        {
            6 => (value & 0xe00f) | 0xffff_0ff0,
            7 => (value & 0xffff_2fff) | 0x400,
            _ => value,
        };
        _changed |= StateParts.Debug;
        return Outcome.Done;
    }
}
