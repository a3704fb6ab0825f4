// IRET, IRETD, IRETQ (SDM vol. 2A; vol. 3A, 6.12 and 6.14): real-address mode, protected mode to the same or an outer level, IA-32e mode.
// Everything on the stack is read and checked before a register changes.
// Not done: the return from a nested task (EFLAGS.NT) is unsupported, and virtual-8086 mode is deliberately absent: a return to it raises #GP(0).
using HvRunner.Abstractions;
using Iced.Intel;

namespace HvRunner.Instructions;

internal ref partial struct Execution<TMemory, THost>
{
    private const ulong ReturnedFlags = Flag.Carry | Flag.Parity | Flag.Adjust | Flag.Zero | Flag.Sign | Flag.Trap | Flag.Direction |
        Flag.Overflow | Flag.NestedTask;

    private const ulong ReturnedWideFlags = Flag.Resume | Flag.AlignmentCheck | Flag.Identification;

    private Outcome InterruptReturn()
    {
        var size = _instruction.Mnemonic switch { Mnemonic.Iretq => 8, Mnemonic.Iretd => 4, _ => 2 };
        if (!TryPeek(0, size, out var rip) || !TryPeek(size, size, out var selectorWord) || !TryPeek(2 * size, size, out var flags))
        {
            return Outcome.Fault;
        }

        var selector = (ushort)selectorWord;
        if (!_isProtected)
        {
            return ReturnInRealMode(rip, selector, flags, size);
        }

        if ((_state.Rflags & Flag.NestedTask) != 0)
        {
            return _is64Capable ? GeneralProtection() : Lacking(UnsupportedReason.TaskSwitch);
        }

        if (!_is64Capable && _cpl == 0 && size == 4 && (flags & Flag.Virtual8086) != 0)
        {
            return GeneralProtection();
        }

        var outcome = CheckReturnCode(selector, rip, out var code, out var codeAddress);
        if (outcome != Outcome.Done)
        {
            return outcome;
        }

        var level = selector & 3;
        var popsStack = _is64 || level != _cpl;
        var stack = _state.Segments[(int)SegmentName.Ss];
        ulong pointer = 0;
        if (popsStack)
        {
            if (!TryPeek(3 * size, size, out pointer) || !TryPeek(4 * size, size, out var stackSelector))
            {
                return Outcome.Fault;
            }

            outcome = CheckReturnStack((ushort)stackSelector, level, code, out stack);
            if (outcome != Outcome.Done)
            {
                return outcome;
            }
        }

        if (!TryMarkAccessed(code, codeAddress))
        {
            return Outcome.Fault;
        }

        CommitReturn(code.ToRegister(selector), rip, flags, size);
        if (popsStack)
        {
            _state.Segments[(int)SegmentName.Ss] = stack;

            // A 16-bit stack takes SP only; in 64-bit mode all of RSP is loaded, zero-extended from the operand.
            ref var rsp = ref _state.General[(int)GeneralRegister.Rsp];
            rsp = !code.Long && !stack.Default32 && !_is64 ? (rsp & ~0xffffUL) | (pointer & 0xffff) : pointer;
        }
        else
        {
            MoveStackPointer(3 * size);
        }

        if (level > _cpl)
        {
            DropInnerSegments(level);
        }

        return Outcome.Done;
    }

    private Outcome ReturnInRealMode(ulong rip, ushort selector, ulong flags, int size)
    {
        ref var cs = ref _state.Segments[(int)SegmentName.Cs];
        if (rip > cs.Limit)
        {
            return GeneralProtection();
        }

        MoveStackPointer(3 * size);
        CommitReturn(cs with { Selector = selector, Base = (ulong)selector << 4 }, rip, flags, size);
        return Outcome.Done;
    }

    private Outcome CheckReturnCode(ushort selector, ulong rip, out SegmentDescriptor code, out ulong address)
    {
        var error = selector & 0xfffcu;
        code = default;
        address = 0;
        if (error == 0)
        {
            return GeneralProtection();
        }

        var found = FindDescriptor(selector, out code, out address);
        if (found == LookUp.Fault)
        {
            return Outcome.Fault;
        }

        var level = selector & 3;
        if (found != LookUp.Found || !code.IsCode || level < _cpl || (code.IsConforming ? code.Dpl > level : code.Dpl != level) ||
            (_is64Capable && code.Long && code.Default32))
        {
            return Raise(ExceptionVector.GeneralProtection, error);
        }

        if (!code.Present)
        {
            return Raise(ExceptionVector.SegmentNotPresent, error);
        }

        return (_is64Capable && code.Long ? IsCanonical(rip) : rip <= code.Limit) ? Outcome.Done : GeneralProtection();
    }

    private Outcome CheckReturnStack(ushort selector, int level, in SegmentDescriptor code, out SegmentRegister stack)
    {
        var error = selector & 0xfffcu;
        stack = default;
        if (error == 0)
        {
            // 64-bit code below CPL 3 runs without a stack segment; its RPL must be the new CPL.
            if (!_is64Capable || !code.Long || level == 3 || (selector & 3) != level)
            {
                return GeneralProtection();
            }

            stack = new SegmentRegister { Selector = selector, Unusable = true, Attributes = (ushort)(level << 5) };
            return Outcome.Done;
        }

        var found = FindDescriptor(selector, out var descriptor, out var address);
        if (found == LookUp.Fault)
        {
            return Outcome.Fault;
        }

        if (found != LookUp.Found || (selector & 3) != level || !descriptor.IsWritableData || descriptor.Dpl != level)
        {
            return Raise(ExceptionVector.GeneralProtection, error);
        }

        if (!descriptor.Present)
        {
            return Raise(ExceptionVector.StackFault, error);
        }

        stack = descriptor.ToRegister(selector);
        return TryMarkAccessed(descriptor, address) ? Outcome.Done : Outcome.Fault;
    }

    private void CommitReturn(in SegmentRegister code, ulong rip, ulong flags, int size)
    {
        var mask = ReturnedFlags;
        mask |= size > 2 ? ReturnedWideFlags : 0;
        mask |= _cpl <= (int)((_state.Rflags >> 12) & 3) || !_isProtected ? Flag.Interrupt : 0;
        mask |= _cpl == 0 ? Flag.IoPrivilege : 0;
        mask |= _cpl == 0 && size > 2 && _isProtected ? Flag.VirtualInterrupt | Flag.VirtualInterruptPending : 0;
        _state.Rflags = (_state.Rflags & ~mask) | (flags & mask);
        _state.Segments[(int)SegmentName.Cs] = code;
        _nextRip = rip;
        _keepsResumeFlag = size > 2;
        _returnedFromInterrupt = true;
        _changed |= StateParts.System;
    }

    /// <summary>Data segments that the outer level may not use are taken from it (SDM vol. 3A, 5.8.6).</summary>
    private void DropInnerSegments(int level)
    {
        ReadOnlySpan<SegmentName> names = [SegmentName.Es, SegmentName.Ds, SegmentName.Fs, SegmentName.Gs];
        foreach (var name in names)
        {
            ref var segment = ref _state.Segments[(int)name];
            var isConformingCode = (segment.Attributes & 0x1c) == 0x1c;
            if (!segment.Unusable && segment.Dpl < level && !isConformingCode)
            {
                segment = new SegmentRegister { Unusable = true };
            }
        }
    }
}
