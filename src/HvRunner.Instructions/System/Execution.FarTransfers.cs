// Far JMP and CALL (SDM vol. 2, JMP and CALL; vol. 3A, 5.8): direct and through memory, in real-address mode, protected mode and IA-32e mode.
// Call gates are in CallGates, RETF in FarReturn. Everything is checked before a register or the stack changes.
// Not done: a switch of tasks, which a TSS or task gate asks for; after its checks it is reported as such.
using HvRunner.Abstractions;
using Iced.Intel;

namespace HvRunner.Instructions;

/// <summary>Where a far transfer goes.</summary>
internal struct FarTarget
{
    public ushort Selector;
    public ulong Offset;

    /// <summary>Operand size in bytes, which is also the size of what a CALL pushes.</summary>
    public int Size;
    public bool IsCall;
}

internal ref partial struct Execution<TMemory, THost>
{
    private Outcome ExecuteFarTransfers()
    {
        switch (_instruction.Mnemonic)
        {
            case Mnemonic.Jmp or Mnemonic.Call:
                return TryReadFarTarget(out var target) ? TransferFar(target) : Outcome.Fault;
            case Mnemonic.Retf:
                return ReturnFar();
            case Mnemonic.Lds:
                return LoadFarPointer(Register.DS);
            case Mnemonic.Les:
                return LoadFarPointer(Register.ES);
            case Mnemonic.Lfs:
                return LoadFarPointer(Register.FS);
            case Mnemonic.Lgs:
                return LoadFarPointer(Register.GS);
            case Mnemonic.Lss:
                return LoadFarPointer(Register.SS);
            default:
                return Outcome.Elsewhere;
        }
    }

    private bool TryReadFarTarget(out FarTarget target)
    {
        target = default;
        target.IsCall = _instruction.Mnemonic == Mnemonic.Call;
        switch (_instruction.Op0Kind)
        {
            case OpKind.FarBranch16:
                target.Size = 2;
                target.Offset = _instruction.FarBranch16;
                target.Selector = _instruction.FarBranchSelector;
                return true;
            case OpKind.FarBranch32:
                target.Size = 4;
                target.Offset = _instruction.FarBranch32;
                target.Selector = _instruction.FarBranchSelector;
                return true;
        }

        var size = _instruction.Code switch
        {
            Code.Jmp_m1664 or Code.Call_m1664 => 8,
            Code.Jmp_m1632 or Code.Call_m1632 => 4,
            _ => 2,
        };
        // REX.W widens what CALL pushes, but no pointer on AMD's processors: those have offsets of at most 32 bits (APM vol. 3, "CALL (Far)").
        var offsetSize = size == 8 && !_features.FollowsIntel ? 4 : size;
        target.Size = size;
        if (!TryLocate(MemorySegment, EffectiveAddress(), offsetSize + 2, offsetSize, Access.Read, out var span))
        {
            return false;
        }

        Span<byte> pointer = stackalloc byte[10];
        pointer.Clear();
        ReadSpan(span, pointer[..(offsetSize + 2)]);
        target.Offset = BitConverter.ToUInt64(pointer) & Width.Mask(offsetSize);
        target.Selector = BitConverter.ToUInt16(pointer[offsetSize..]);
        return true;
    }

    private Outcome TransferFar(in FarTarget target)
    {
        if (!_isProtected)
        {
            return TransferInRealMode(target);
        }

        var error = target.Selector & 0xfffcu;
        if (error == 0)
        {
            return GeneralProtection();
        }

        var found = FindSystemDescriptor(target.Selector, out var descriptor, out var upper, out var address);
        if (found != LookUp.Found)
        {
            return found == LookUp.Fault ? Outcome.Fault : Raise(ExceptionVector.GeneralProtection, error);
        }

        if (descriptor.IsCode)
        {
            return TransferToCode(target, descriptor, address);
        }

        var rpl = target.Selector & 3;
        var isReachable = !descriptor.IsCodeOrData && descriptor.Dpl >= Math.Max(_cpl, rpl);
        switch (descriptor.Type)
        {
            case 4 when isReachable && !_is64Capable:
            case 12 when isReachable:
                return descriptor.Present ? TransferThroughGate(target, descriptor, upper) : Raise(ExceptionVector.SegmentNotPresent, error);
            case 1 or 5 or 9 when isReachable && !_is64Capable:
                return descriptor.Present ? Lacking(UnsupportedReason.TaskSwitch) : Raise(ExceptionVector.SegmentNotPresent, error);
            default:
                return Raise(ExceptionVector.GeneralProtection, error);
        }
    }

    private Outcome TransferInRealMode(in FarTarget target)
    {
        ref var cs = ref _state.Segments[(int)SegmentName.Cs];
        if (target.Offset > cs.Limit)
        {
            return GeneralProtection();
        }

        if (target.IsCall && !TryPushReturn(target.Size))
        {
            return Outcome.Fault;
        }

        cs.Selector = target.Selector;
        cs.Base = (ulong)target.Selector << 4;
        _nextRip = target.Offset;
        _changed |= StateParts.System;
        return Outcome.Done;
    }

    private Outcome TransferToCode(in FarTarget target, in SegmentDescriptor code, ulong address)
    {
        var error = target.Selector & 0xfffcu;
        var isAllowed = code.IsConforming ? code.Dpl <= _cpl : code.Dpl == _cpl && (target.Selector & 3) <= _cpl;
        if (!isAllowed || (_is64Capable && code.Long && code.Default32))
        {
            return Raise(ExceptionVector.GeneralProtection, error);
        }

        if (!code.Present)
        {
            return Raise(ExceptionVector.SegmentNotPresent, error);
        }

        if (!IsValidOffset(code, target.Offset))
        {
            return GeneralProtection();
        }

        // The push comes last of what may fault; the accessed bit counts as no change.
        if (!TryMarkAccessed(code, address) || (target.IsCall && !TryPushReturn(target.Size)))
        {
            return Outcome.Fault;
        }

        EnterCode(code, (ushort)((target.Selector & ~3) | _cpl), target.Offset);
        return Outcome.Done;
    }

    /// <summary>Pushes CS and RIP, each <paramref name="size"/> bytes wide, on the stack in use.</summary>
    private bool TryPushReturn(int size)
    {
        Span<byte> frame = stackalloc byte[16];
        var length = 0;
        Append(frame, ref length, _nextRip, size);
        Append(frame, ref length, _state.Segments[(int)SegmentName.Cs].Selector, size);
        var top = (_state[GeneralRegister.Rsp] - (ulong)length) & StackMask;
        if (!TryLocate(SegmentName.Ss, top, length, Access.Write, out var span))
        {
            return false;
        }

        WriteSpan(span, frame[..length]);
        SetStackPointer(top);
        return true;
    }

    private readonly bool IsValidOffset(in SegmentDescriptor code, ulong offset) =>
        _is64Capable && code.Long ? IsCanonical(offset) : offset <= code.Limit;

    private void EnterCode(in SegmentDescriptor code, ushort selector, ulong offset)
    {
        _state.Segments[(int)SegmentName.Cs] = code.ToRegister(selector);
        _nextRip = offset;
        _changed |= StateParts.System;
    }
}
