// Delivery of interrupts and exceptions through the IDT (SDM vol. 3A, 6.10 to 6.14): real-address mode, protected mode with 16- and 32-bit
// gates and a stack switch through the TSS, IA-32e mode with IST. The whole frame is checked and translated before anything is written. A
// fault met here is recorded as the instruction's own outcome; combining it into a double fault is the caller's business.
// Not done: task gates, virtual-8086 mode, shadow stacks.
using System.Buffers.Binary;
using HvRunner.Abstractions;

namespace HvRunner.Instructions;

/// <summary>Who raised the vector: decides the gate's DPL check, and EXT in the error codes of faults met during delivery.</summary>
internal enum InterruptOrigin
{
    /// <summary>INT n, INT3, INTO: the gate must admit the CPL.</summary>
    Software,

    /// <summary>An exception, an external interrupt or INT1.</summary>
    Hardware,
}

internal ref partial struct Execution<TMemory, THost>
{
    private const ulong ClearedOnEntry = Flag.Trap | Flag.NestedTask | Flag.Resume | Flag.Virtual8086;

    /// <summary>Delivers a vector; <paramref name="returnRip"/> is what the frame holds. On success <see cref="Finish"/> sets RIP to the handler.</summary>
    public Outcome Deliver(byte vector, InterruptOrigin origin, uint? errorCode, ulong returnRip, ulong savedFlags)
    {
        if (!_isProtected)
        {
            return DeliverReal(vector, returnRip);
        }

        var external = origin == InterruptOrigin.Hardware ? 1u : 0;
        var gateError = ((uint)vector << 3) | 2 | external;
        var isLong = _is64Capable;
        var gateSize = isLong ? 16 : 8;
        if ((vector * gateSize) + gateSize - 1 > _state.Idtr.Limit)
        {
            return Raise(ExceptionVector.GeneralProtection, gateError);
        }

        var gateAddress = _state.Idtr.Base + (ulong)(vector * gateSize);
        ulong high = 0;
        if (!TryReadSystem(gateAddress, 8, out var low) || (isLong && !TryReadSystem(gateAddress + 8, 8, out high)))
        {
            return Outcome.Fault;
        }

        var type = (int)(low >> 40) & 0x1f;
        var isWide = (type & 8) != 0;
        var isTask = type == 5 && !isLong;
        if (type is not (6 or 7 or 14 or 15) && !isTask || (isLong && !isWide))
        {
            return Raise(ExceptionVector.GeneralProtection, gateError);
        }

        if (origin == InterruptOrigin.Software && ((int)(low >> 45) & 3) < _cpl)
        {
            return Raise(ExceptionVector.GeneralProtection, gateError);
        }

        if ((low & (1UL << 47)) == 0)
        {
            return Raise(ExceptionVector.SegmentNotPresent, gateError);
        }

        if (isTask)
        {
            return Lacking(UnsupportedReason.TaskSwitch);
        }

        var selector = (ushort)(low >> 16);
        var found = FindDescriptor(selector, out var code, out var codeAddress);
        if (found != LookUp.Found)
        {
            return found == LookUp.Fault ? Outcome.Fault : Raise(ExceptionVector.GeneralProtection, (selector & 0xfffcu) | external);
        }

        var selectorError = (selector & 0xfffcu) | external;
        if (!code.IsCode || code.Dpl > _cpl || (isLong && (!code.Long || code.Default32)))
        {
            return Raise(ExceptionVector.GeneralProtection, selectorError);
        }

        if (!code.Present)
        {
            return Raise(ExceptionVector.SegmentNotPresent, selectorError);
        }

        var level = code.IsConforming ? _cpl : code.Dpl;
        var offset = (low & 0xffff) | (isWide ? (low >> 32) & 0xffff_0000 : 0);
        offset |= isLong ? high << 32 : 0;
        if (isLong ? !IsCanonical(offset) : offset > code.Limit)
        {
            return Raise(ExceptionVector.GeneralProtection, external);
        }

        // Before the frame, which is the first thing that cannot be taken back.
        if (!TryMarkAccessed(code, codeAddress))
        {
            return Outcome.Fault;
        }

        Span<byte> frame = stackalloc byte[48];
        var size = isLong ? 8 : isWide ? 4 : 2;
        var length = 0;
        if (errorCode is { } error)
        {
            Append(frame, ref length, error, size);
        }

        Append(frame, ref length, returnRip, size);
        Append(frame, ref length, _state.Segments[(int)SegmentName.Cs].Selector, size);
        Append(frame, ref length, savedFlags, size);
        if (isLong || level != _cpl)
        {
            Append(frame, ref length, _state[GeneralRegister.Rsp], size);
            Append(frame, ref length, _state.Segments[(int)SegmentName.Ss].Selector, size);
        }

        frame = frame[..length];
        var outcome = isLong ? PushLongFrame(level, (int)(low >> 32) & 7, external, true, frame) : PushFrame(level, external, frame);
        if (outcome != Outcome.Done)
        {
            return outcome;
        }

        _state.Segments[(int)SegmentName.Cs] = code.ToRegister((ushort)((selector & ~3) | level));
        _state.Rflags &= ~(ClearedOnEntry | ((type & 1) == 0 ? Flag.Interrupt : 0));
        _nextRip = offset;
        _stepsSingly = false;
        _changed |= StateParts.System;
        return Outcome.Done;
    }

    private Outcome DeliverReal(byte vector, ulong returnRip)
    {
        if ((vector * 4) + 3 > _state.Idtr.Limit)
        {
            return GeneralProtection();
        }

        if (!TryReadSystem(_state.Idtr.Base + ((ulong)vector * 4), 4, out var entry))
        {
            return Outcome.Fault;
        }

        Span<byte> frame = stackalloc byte[6];
        ref var cs = ref _state.Segments[(int)SegmentName.Cs];
        BinaryPrimitives.WriteUInt16LittleEndian(frame, (ushort)returnRip);
        BinaryPrimitives.WriteUInt16LittleEndian(frame[2..], cs.Selector);
        BinaryPrimitives.WriteUInt16LittleEndian(frame[4..], (ushort)_state.Rflags);
        var top = (_state[GeneralRegister.Rsp] - 6) & StackMask;
        if (!TryLocate(SegmentName.Ss, top, frame.Length, Access.Write, out var span))
        {
            return Outcome.Fault;
        }

        WriteSpan(span, frame);
        SetStackPointer(top);
        cs.Selector = (ushort)(entry >> 16);
        cs.Base = (ulong)cs.Selector << 4;
        _state.Rflags &= ~(Flag.Interrupt | Flag.Trap | Flag.AlignmentCheck | Flag.Resume);
        _nextRip = (ushort)entry;
        _stepsSingly = false;
        _changed |= StateParts.System;
        return Outcome.Done;
    }

    private Outcome PushLongFrame(int level, int interruptStack, uint external, bool aligns, scoped ReadOnlySpan<byte> frame)
    {
        var isInner = level != _cpl;
        var stack = _state[GeneralRegister.Rsp];
        if (interruptStack != 0 || isInner)
        {
            // RSP0 to RSP2 start at 4, IST1 to IST7 at 0x24 (SDM vol. 3A, figure 7-11).
            ref var tss = ref _state.Segments[(int)SegmentName.Tr];
            var field = interruptStack != 0 ? 0x24u + (8u * (uint)(interruptStack - 1)) : 4u + (8u * (uint)level);
            if (field + 7 > tss.Limit)
            {
                return Raise(ExceptionVector.InvalidTss, (tss.Selector & 0xfffcu) | external);
            }

            if (!TryReadSystem(tss.Base + field, 8, out stack))
            {
                return Outcome.Fault;
            }
        }

        var top = (aligns ? stack & ~15UL : stack) - (ulong)frame.Length;
        if (!IsCanonical(top) || !IsCanonical(top + (ulong)frame.Length - 1))
        {
            return Raise(ExceptionVector.StackFault, external);
        }

        if (!TryTranslate(top, frame.Length, FrameAccess(level), out var span))
        {
            return Outcome.Fault;
        }

        WriteSpan(span, frame);
        _state[GeneralRegister.Rsp] = top;
        if (isInner)
        {
            _state.Segments[(int)SegmentName.Ss] =
                new SegmentRegister { Selector = (ushort)level, Unusable = true, Attributes = (ushort)(level << 5) };
        }

        return Outcome.Done;
    }

    private Outcome PushFrame(int level, uint external, scoped ReadOnlySpan<byte> frame)
    {
        var isInner = level != _cpl;
        ref var ss = ref _state.Segments[(int)SegmentName.Ss];
        var newStack = ss;
        var pointer = _state[GeneralRegister.Rsp];
        if (isInner)
        {
            var outcome = ReadInnerStack(level, external, out newStack, out pointer);
            if (outcome != Outcome.Done)
            {
                return outcome;
            }
        }

        // The segment checks of a push belong to the new stack, so it is in place while they run.
        var mask = newStack.Default32 ? uint.MaxValue : 0xffffUL;
        var top = (pointer - (ulong)frame.Length) & mask;
        var oldStack = ss;
        ss = newStack;
        var fits = TryGetLinear(SegmentName.Ss, top, frame.Length, Access.Write, out var linear);
        ss = oldStack;
        if (!fits)
        {
            return Raise(ExceptionVector.StackFault, (isInner ? newStack.Selector & 0xfffcu : 0) | external);
        }

        if (!TryTranslate(linear, frame.Length, FrameAccess(level), out var span))
        {
            return Outcome.Fault;
        }

        WriteSpan(span, frame);
        ss = newStack;
        SetStackPointer(isInner ? top : (pointer & ~mask) | top);
        return Outcome.Done;
    }

    /// <summary>SS and ESP of an inner level from a 32- or 16-bit TSS, with the checks of SDM vol. 3A, 6.12.1.</summary>
    private Outcome ReadInnerStack(int level, uint external, out SegmentRegister stack, out ulong pointer)
    {
        stack = default;
        pointer = 0;
        ref var tss = ref _state.Segments[(int)SegmentName.Tr];
        var isWide = (tss.Type & 8) != 0;
        var width = isWide ? 4 : 2;
        var field = (uint)(isWide ? 4 + (8 * level) : 2 + (4 * level));
        if (field + (uint)width + 1 > tss.Limit)
        {
            return Raise(ExceptionVector.InvalidTss, (tss.Selector & 0xfffcu) | external);
        }

        if (!TryReadSystem(tss.Base + field, width, out pointer) || !TryReadSystem(tss.Base + field + (uint)width, 2, out var wide))
        {
            return Outcome.Fault;
        }

        var selector = (ushort)wide;
        var error = (selector & 0xfffcu) | external;
        var found = FindDescriptor(selector, out var descriptor, out var address);
        if (found == LookUp.Fault)
        {
            return Outcome.Fault;
        }

        if (found != LookUp.Found || (selector & 3) != level || descriptor.Dpl != level || !descriptor.IsWritableData)
        {
            return Raise(ExceptionVector.InvalidTss, error);
        }

        if (!descriptor.Present)
        {
            return Raise(ExceptionVector.StackFault, error);
        }

        stack = descriptor.ToRegister(selector);
        return TryMarkAccessed(descriptor, address) ? Outcome.Done : Outcome.Fault;
    }

    /// <summary>Below CPL 3 the frame is a supervisor access even when user code raised the vector.</summary>
    private static Access FrameAccess(int level) => level == 3 ? Access.Write : Access.Write | Access.Implicit;

    private static void Append(scoped Span<byte> frame, ref int length, ulong value, int size)
    {
        for (var i = 0; i < size; i++)
        {
            frame[length++] = (byte)(value >> (8 * i));
        }
    }
}
