// SYSCALL, SYSRET (AMD APM vol. 3; SDM vol. 2) and SYSENTER, SYSEXIT (SDM vol. 2). The two makers differ, and ProcessorFeatures.FollowsIntel,
// which is CPUID's vendor, decides in all of these places:
//   SYSCALL, SYSRET outside 64-bit mode   AMD has compatibility and 32-bit forms, Intel raises #UD
//   SYSRET to a non-canonical RIP         Intel raises #GP(0) at CPL 0, AMD lets the fetch at CPL 3 fault
//   SYSENTER, SYSEXIT in IA-32e mode      Intel has them, AMD raises #UD
// SYSRET loads SS with a flat segment on both, as Intel does; AMD keeps the old attributes there.
using HvRunner.Abstractions;
using Iced.Intel;

namespace HvRunner.Instructions;

internal ref partial struct Execution<TMemory, THost>
{
    // A flat code segment of DPL 0: 64-bit with L, 32-bit with D; data.
    private const ushort FlatCode64Attributes = 0xa09b;
    private const ushort FlatCode32Attributes = 0xc09b;
    private const ushort FlatDataAttributes = 0xc093;

    private Outcome ExecuteFastCalls() => _instruction.Mnemonic switch
    {
        Mnemonic.Syscall => SystemCall(),
        Mnemonic.Sysret or Mnemonic.Sysretq => SystemReturn(),
        Mnemonic.Sysenter => SystemEnter(),
        Mnemonic.Sysexit or Mnemonic.Sysexitq => SystemExit(),
        _ => Outcome.Elsewhere,
    };

    private Outcome SystemCall()
    {
        var isEnabled = _isProtected && (_state.Efer & ControlBit.EferSce) != 0 && (_is64 || !_features.FollowsIntel);
        if (!isEnabled || !_host.TryReadMsr(Msr.Star, out var star))
        {
            return UndefinedOpcode();
        }

        var selector = (ushort)(star >> 32);
        if (!_is64Capable)
        {
            _state[GeneralRegister.Rcx] = (uint)_nextRip;
            _nextRip = (uint)star;
            _state.Rflags &= ~(Flag.Virtual8086 | Flag.Interrupt | Flag.Resume);
            LoadFlatSegments(selector, selector + 8, 0, FlatCode32Attributes);
            return Outcome.Done;
        }

        if (!_host.TryReadMsr(_is64 ? Msr.Lstar : Msr.Cstar, out var target) || !_host.TryReadMsr(Msr.Fmask, out var mask))
        {
            return UndefinedOpcode();
        }

        var flags = _state.Rflags & ~Flag.Resume;
        _state[GeneralRegister.Rcx] = _nextRip;
        _state[GeneralRegister.R11] = flags;
        _state.Rflags = (flags & ~(uint)mask) | 2;
        _nextRip = target;

        // The trap flag that counts is the one behind the mask.
        _stepsSingly = (_state.Rflags & Flag.Trap) != 0;
        LoadFlatSegments(selector, selector + 8, 0, FlatCode64Attributes);
        return Outcome.Done;
    }

    private Outcome SystemReturn()
    {
        if ((_state.Efer & ControlBit.EferSce) == 0 || (_features.FollowsIntel && !_is64))
        {
            return UndefinedOpcode();
        }

        if (!_isProtected || _cpl != 0)
        {
            return GeneralProtection();
        }

        if (!_host.TryReadMsr(Msr.Star, out var star))
        {
            return UndefinedOpcode();
        }

        var selector = (ushort)(star >> 48);
        var isWide = _instruction.Mnemonic == Mnemonic.Sysretq;
        var target = _state[GeneralRegister.Rcx];
        if (isWide && _features.FollowsIntel && !IsCanonical(target))
        {
            return GeneralProtection();
        }

        if (_is64)
        {
            const ulong Restored = 0x3c_7fd7;
            _state.Rflags = (_state[GeneralRegister.R11] & Restored) | 2;
        }
        else
        {
            _state.Rflags |= Flag.Interrupt;
        }

        _nextRip = isWide ? target : (uint)target;
        LoadFlatSegments(isWide ? selector + 16 : selector, selector + 8, 3, isWide ? FlatCode64Attributes : FlatCode32Attributes);
        return Outcome.Done;
    }

    private Outcome SystemEnter()
    {
        if (_is64Capable && !_features.FollowsIntel)
        {
            return UndefinedOpcode();
        }

        if (!_isProtected || !_host.TryReadMsr(Msr.SysenterCs, out var selector) || (selector & 0xfffc) == 0 ||
            !_host.TryReadMsr(Msr.SysenterEsp, out var stack) || !_host.TryReadMsr(Msr.SysenterEip, out var target))
        {
            return GeneralProtection();
        }

        _state.Rflags &= ~(Flag.Virtual8086 | Flag.Interrupt | Flag.Resume);
        _nextRip = _is64Capable ? target : (uint)target;
        _state[GeneralRegister.Rsp] = _is64Capable ? stack : (uint)stack;
        LoadFlatSegments((int)selector, (int)(ushort)selector + 8, 0, _is64Capable ? FlatCode64Attributes : FlatCode32Attributes);
        return Outcome.Done;
    }

    private Outcome SystemExit()
    {
        if (_is64Capable && !_features.FollowsIntel)
        {
            return UndefinedOpcode();
        }

        if (!_isProtected || _cpl != 0 || !_host.TryReadMsr(Msr.SysenterCs, out var first) || (first & 0xfffc) == 0)
        {
            return GeneralProtection();
        }

        var selector = (ushort)first;
        var (target, stack) = (_state[GeneralRegister.Rdx], _state[GeneralRegister.Rcx]);
        if (_instruction.Mnemonic == Mnemonic.Sysexitq)
        {
            if (!IsCanonical(target) || !IsCanonical(stack))
            {
                return GeneralProtection();
            }

            _nextRip = target;
            _state[GeneralRegister.Rsp] = stack;
            LoadFlatSegments(selector + 32, selector + 40, 3, FlatCode64Attributes);
        }
        else
        {
            _nextRip = (uint)target;
            _state[GeneralRegister.Rsp] = (uint)stack;
            LoadFlatSegments(selector + 16, selector + 24, 3, FlatCode32Attributes);
        }

        return Outcome.Done;
    }

    /// <summary>CS and SS with fixed descriptors: nothing is read from the tables.</summary>
    private void LoadFlatSegments(int code, int stack, int level, ushort codeAttributes)
    {
        var privilege = (ushort)(level << 5);
        _state.Segments[(int)SegmentName.Cs] = new SegmentRegister
        {
            Selector = (ushort)((code & 0xfffc) | level),
            Limit = uint.MaxValue,
            Attributes = (ushort)(codeAttributes | privilege),
        };
        _state.Segments[(int)SegmentName.Ss] = new SegmentRegister
        {
            Selector = (ushort)((stack & 0xfffc) | level),
            Limit = uint.MaxValue,
            Attributes = (ushort)(FlatDataAttributes | privilege),
        };
        _changed |= StateParts.System;
    }
}
