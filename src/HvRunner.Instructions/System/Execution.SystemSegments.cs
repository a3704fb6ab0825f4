// System segments and what goes with selectors: LTR, LLDT, STR, SLDT, ARPL, and the loads of far pointers LDS, LES, LFS, LGS, LSS (SDM vol. 2).
// In IA-32e mode descriptors of system segments have 16 bytes (SDM vol. 3A, figure 8-4).
using HvRunner.Abstractions;
using Iced.Intel;

namespace HvRunner.Instructions;

internal ref partial struct Execution<TMemory, THost>
{
    private const ulong BusyBit = 1UL << 41;

    /// <summary>A system descriptor and the upper half of its base, 0 outside IA-32e mode. Local descriptors are refused by who must.</summary>
    private LookUp FindSystemDescriptor(ushort selector, out SegmentDescriptor descriptor, out ulong upper, out ulong address)
    {
        upper = 0;
        var found = FindDescriptor(selector, out descriptor, out address);
        if (found != LookUp.Found || !_is64Capable || descriptor.IsCodeOrData)
        {
            return found;
        }

        var limit = (selector & 4) != 0 ? _state.Segments[(int)SegmentName.Ldtr].Limit : _state.Gdtr.Limit;
        if ((selector | 7u) + 8 > limit)
        {
            return LookUp.Outside;
        }

        return TryReadSystem(address + 8, 8, out upper) ? LookUp.Found : LookUp.Fault;
    }

    private Outcome StoreSystemSelector(SegmentName name)
    {
        if (!_isProtected)
        {
            return UndefinedOpcode();
        }

        return IsHiddenFromUser() ? GeneralProtection() : TryWrite(0, _state[name].Selector) ? Outcome.Done : Outcome.Fault;
    }

    private Outcome LoadTaskRegister()
    {
        var outcome = FindForRegister(out var selector, out var descriptor, out var upper, out var address);
        if (outcome != Outcome.Done)
        {
            return outcome;
        }

        var error = selector & 0xfffcu;
        if (error == 0)
        {
            return GeneralProtection();
        }

        var isAvailable = !descriptor.IsCodeOrData && (descriptor.Type == 9 || (descriptor.Type == 1 && !_is64Capable));
        if (!isAvailable || !HasValidUpperHalf(descriptor, upper))
        {
            return Raise(ExceptionVector.GeneralProtection, error);
        }

        if (!descriptor.Present)
        {
            return Raise(ExceptionVector.SegmentNotPresent, error);
        }

        if (!TryTranslate(address, 8, Access.Write | Access.Implicit, out var span))
        {
            return Outcome.Fault;
        }

        WriteSpan(span, descriptor.Raw | BusyBit);
        _state.Segments[(int)SegmentName.Tr] = ToSystemRegister(new SegmentDescriptor(descriptor.Raw | BusyBit), upper, selector);
        _changed |= StateParts.System;
        return Outcome.Done;
    }

    private Outcome LoadLocalTable()
    {
        var outcome = FindForRegister(out var selector, out var descriptor, out var upper, out _);
        if (outcome != Outcome.Done)
        {
            return outcome;
        }

        var error = selector & 0xfffcu;
        if (error == 0)
        {
            _state.Segments[(int)SegmentName.Ldtr] = new SegmentRegister { Selector = selector, Unusable = true };
        }
        else if (descriptor.IsCodeOrData || descriptor.Type != 2 || !HasValidUpperHalf(descriptor, upper))
        {
            return Raise(ExceptionVector.GeneralProtection, error);
        }
        else if (!descriptor.Present)
        {
            return Raise(ExceptionVector.SegmentNotPresent, error);
        }
        else
        {
            _state.Segments[(int)SegmentName.Ldtr] = ToSystemRegister(descriptor, upper, selector);
        }

        _changed |= StateParts.System;
        return Outcome.Done;
    }

    /// <summary>What LTR and LLDT begin with: privilege, the selector, its descriptor in the GDT. A null selector is left to the caller.</summary>
    private Outcome FindForRegister(out ushort selector, out SegmentDescriptor descriptor, out ulong upper, out ulong address)
    {
        (selector, descriptor, upper, address) = (0, default, 0, 0);
        if (!_isProtected)
        {
            return UndefinedOpcode();
        }

        if (_cpl != 0)
        {
            return GeneralProtection();
        }

        if (!TryReadSelector(0, out selector))
        {
            return Outcome.Fault;
        }

        if ((selector & 0xfffc) == 0)
        {
            return Outcome.Done;
        }

        var found = (selector & 4) != 0 ? LookUp.Outside : FindSystemDescriptor(selector, out descriptor, out upper, out address);
        return found switch
        {
            LookUp.Found => Outcome.Done,
            LookUp.Fault => Outcome.Fault,
            _ => Raise(ExceptionVector.GeneralProtection, selector & 0xfffcu),
        };
    }

    /// <summary>The type bits of the upper half are 0 and the base is canonical.</summary>
    private readonly bool HasValidUpperHalf(in SegmentDescriptor descriptor, ulong upper) =>
        ((upper >> 40) & 0x1f) == 0 && IsCanonical(descriptor.Base | (upper << 32));

    private static SegmentRegister ToSystemRegister(in SegmentDescriptor descriptor, ulong upper, ushort selector) => new()
    {
        Selector = selector,
        Base = descriptor.Base | (upper << 32),
        Limit = descriptor.Limit,
        Attributes = (ushort)((descriptor.Raw >> 40) & 0xf0ff),
    };

    /// <summary>ARPL raises the RPL of the first selector to that of the second, and says in ZF whether it did.</summary>
    private Outcome AdjustPrivilege()
    {
        if (!_isProtected)
        {
            return UndefinedOpcode();
        }

        if (!TryOpen(0, out var target))
        {
            return Outcome.Fault;
        }

        var wanted = ReadRegister(_instruction.Op1Register) & 3;
        if ((target.Value & 3) >= wanted)
        {
            _state.Rflags &= ~Flag.Zero;
            return Outcome.Done;
        }

        var outcome = Close(target, (target.Value & ~3UL) | wanted);
        _state.Rflags |= Flag.Zero;
        return outcome;
    }

    private Outcome LoadFarPointer(Register segment)
    {
        var size = _instruction.Op0Register.GetSize();
        if (size == 8 && !_features.FollowsIntel)
        {
            // AMD's pointers have no offsets of 64 bits: REX.W only has the register's upper half cleared (APM vol. 3, "LDS").
            size = 4;
        }

        var address = EffectiveAddress();
        if (!TryLocate(MemorySegment, address, size + 2, size, Access.Read, out var span))
        {
            return Outcome.Fault;
        }

        Span<byte> pointer = stackalloc byte[10];
        pointer.Clear();
        ReadSpan(span, pointer[..(size + 2)]);
        var outcome = LoadSegment(segment, BitConverter.ToUInt16(pointer[size..]));
        if (outcome == Outcome.Done)
        {
            WriteRegister(_instruction.Op0Register, BitConverter.ToUInt64(pointer) & Width.Mask(size));

            // Unlike MOV SS and POP SS, LSS needs no shadow: it loads the pointer with the segment.
            _shadow = false;
            _shadowByStack = false;
        }

        return outcome;
    }
}
