// x87 loads, stores, constants, exchanges and conditional moves (SDM vol. 1, 8.3.3 and 8.3.4). A store checks and translates its operand before
// any flag changes, so that a page fault finds the stack as it was.
using System.Buffers.Binary;
using Iced.Intel;

namespace HvRunner.Instructions;

internal ref partial struct Execution<TMemory, THost>
{
    private Outcome ExecuteX87Moves()
    {
        switch (_instruction.Mnemonic)
        {
            case Mnemonic.Fld or Mnemonic.Fild:
                return LoadX87();
            case Mnemonic.Fst or Mnemonic.Fstp or Mnemonic.Fstpnce:
                return StoreX87();
            case Mnemonic.Fist or Mnemonic.Fistp or Mnemonic.Fisttp:
                return StoreX87Integer();
            case Mnemonic.Fld1 or Mnemonic.Fldz or Mnemonic.Fldpi or Mnemonic.Fldl2t or Mnemonic.Fldl2e or Mnemonic.Fldlg2 or Mnemonic.Fldln2:
                return LoadX87Constant();
            case Mnemonic.Fxch:
                return ExchangeX87();
            case Mnemonic.Fcmovb or Mnemonic.Fcmove or Mnemonic.Fcmovbe or Mnemonic.Fcmovu or
                Mnemonic.Fcmovnb or Mnemonic.Fcmovne or Mnemonic.Fcmovnbe or Mnemonic.Fcmovnu:
                return MoveX87OnCondition();
            default:
                return Outcome.Elsewhere;
        }
    }

    /// <summary>Reads a memory operand in any of the six formats; conversion exceptions go into the context.</summary>
    private bool TryReadX87Memory(ref FloatContext context, out Unpacked value)
    {
        value = default;
        var size = _instruction.MemorySize.GetSize();
        Span<byte> bytes = stackalloc byte[16];
        if (!TryLocate(MemorySegment, EffectiveAddress(), size, Math.Min(size, 8), Access.Read, out var span))
        {
            return false;
        }

        ReadSpan(span, bytes[..size]);
        var bits = BinaryPrimitives.ReadUInt64LittleEndian(bytes);
        value = _instruction.MemorySize switch
        {
            MemorySize.Float32 => FloatFormat.Single.Unpack((uint)bits),
            MemorySize.Float64 => FloatFormat.Double.Unpack(bits),
            MemorySize.Float80 => FloatFormat.UnpackExtended(bits, BinaryPrimitives.ReadUInt16LittleEndian(bytes[8..])),
            MemorySize.Int16 => FloatInteger.FromInteger((short)bits),
            MemorySize.Int32 => FloatInteger.FromInteger((int)bits),
            _ => FloatInteger.FromInteger((long)bits),
        };
        return true;
    }

    private Outcome LoadX87()
    {
        if (!TryBeginX87(true))
        {
            return Outcome.Fault;
        }

        var context = X87Context(false);
        if (!IsMemory(0))
        {
            var index = StackIndex(_instruction.OpCount - 1);
            NoteX87Pointers();
            if (IsEmpty(index))
            {
                // The empty source counts even when the place to push to is full.
                if (!SignalStackFault(false))
                {
                    RotateStack(true);
                    WriteStack(0, Unpacked.Indefinite);
                }

                return Outcome.Done;
            }

            return PushRaw(index);
        }

        if (!TryReadX87Memory(ref context, out var value))
        {
            return Outcome.Fault;
        }

        NoteX87Pointers();
        if (_instruction.MemorySize == MemorySize.Float80)
        {
            // The 80-bit format is loaded as it is, signaling NaNs and unsupported encodings included.
            return PushRawMemory();
        }

        if (value.IsNan || value.IsDenormal)
        {
            FloatArithmetic.PrepareOne(ref value, ref context);
        }

        // A denormal is loaded even if its exception is unmasked, as on AMD processors: the next waiting instruction reports it.
        if (IsEmpty(7) && context.Raised == FloatExceptions.Denormal)
        {
            SignalX87(FloatExceptions.Denormal);
            context.Raised = FloatExceptions.None;
        }

        PushStack(value, context.Raised);
        return Outcome.Done;
    }

    private Outcome PushRaw(int index)
    {
        var slot = Extended()[(XsaveLayout.X87Registers + (16 * index))..];
        return PushBits(BinaryPrimitives.ReadUInt64LittleEndian(slot), BinaryPrimitives.ReadUInt16LittleEndian(slot[8..]));
    }

    private Outcome PushRawMemory()
    {
        Span<byte> bytes = stackalloc byte[10];
        if (!TryLocate(MemorySegment, EffectiveAddress(), 10, 8, Access.Read, out var span))
        {
            return Outcome.Fault;
        }

        ReadSpan(span, bytes);
        return PushBits(BinaryPrimitives.ReadUInt64LittleEndian(bytes), BinaryPrimitives.ReadUInt16LittleEndian(bytes[8..]));
    }

    private Outcome PushBits(ulong significand, ushort signAndExponent)
    {
        if (!IsEmpty(7))
        {
            PushStack(default, FloatExceptions.None);
            return Outcome.Done;
        }

        SetC1(false);
        RotateStack(true);
        WriteStackRaw(0, significand, signAndExponent);
        return Outcome.Done;
    }

    private Outcome StoreX87()
    {
        if (!TryBeginX87(true))
        {
            return Outcome.Fault;
        }

        var pops = _instruction.Mnemonic != Mnemonic.Fst;
        PhysicalSpan span = default;
        var size = 0;
        if (IsMemory(0))
        {
            size = _instruction.MemorySize.GetSize();
            if (!TryLocate(MemorySegment, EffectiveAddress(), size, Math.Min(size, 8), Access.Write, out span))
            {
                return Outcome.Fault;
            }
        }

        NoteX87Pointers();

        var isEmpty = IsEmpty(0);
        if (isEmpty && _instruction.Mnemonic == Mnemonic.Fstpnce)
        {
            // "No check of exceptions": from an empty register it moves nothing and pops.
            SetC1(false);
            PopStack();
            return Outcome.Done;
        }

        if (isEmpty && SignalStackFault(false))
        {
            return Outcome.Done;
        }

        if (size == 0)
        {
            var slot = Extended()[XsaveLayout.X87Registers..];
            var index = StackIndex(0);
            if (isEmpty)
            {
                WriteStack(index, Unpacked.Indefinite);
            }
            else
            {
                SetC1(false);
                WriteStackRaw(index, BinaryPrimitives.ReadUInt64LittleEndian(slot), BinaryPrimitives.ReadUInt16LittleEndian(slot[8..]));
            }
        }
        else if (!TryStoreX87Memory(span, isEmpty))
        {
            return Outcome.Done;
        }

        if (pops)
        {
            PopStack();
        }

        return Outcome.Done;
    }

    /// <summary>Rounds ST(0) to the operand's format and writes it. False when an unmasked exception forbids the store.</summary>
    private bool TryStoreX87Memory(in PhysicalSpan span, bool isEmpty)
    {
        Span<byte> bytes = stackalloc byte[16];
        if (span.Length == 10)
        {
            if (isEmpty)
            {
                var (significand, signAndExponent) = FloatFormat.PackExtended(Unpacked.Indefinite);
                BinaryPrimitives.WriteUInt64LittleEndian(bytes, significand);
                BinaryPrimitives.WriteUInt16LittleEndian(bytes[8..], signAndExponent);
            }
            else
            {
                SetC1(false);
                Extended().Slice(XsaveLayout.X87Registers, 10).CopyTo(bytes);
            }
        }
        else
        {
            var format = span.Length == 4 ? FloatFormat.Single : FloatFormat.Double;
            var context = X87Context(false).WithFormat(format);
            var value = isEmpty ? Unpacked.Indefinite : ReadStack(0);

            // Storing does not report a denormal operand.
            value.IsDenormal = false;
            value = FloatArithmetic.Convert(value, ref context);
            var stops = (context.Raised & ~context.Masked & ~FloatExceptions.Precision) != 0;
            if (!isEmpty)
            {
                SetC1(context.RoundedUp && !stops);
            }

            // Nothing is stored on an unmasked overflow or underflow, so nothing was rounded.
            SignalX87(stops ? context.Raised & ~FloatExceptions.Precision : context.Raised);
            if (stops)
            {
                return false;
            }

            BinaryPrimitives.WriteUInt64LittleEndian(bytes, format.Pack(value));
        }

        WriteSpan(span, bytes[..span.Length]);
        return true;
    }

    private Outcome StoreX87Integer()
    {
        var size = _instruction.MemorySize.GetSize();
        if (!TryBeginX87(true) || !TryLocate(MemorySegment, EffectiveAddress(), size, Access.Write, out var span))
        {
            return Outcome.Fault;
        }

        NoteX87Pointers();
        var context = X87Context(false);
        long value;
        if (IsEmpty(0))
        {
            if (SignalStackFault(false))
            {
                return Outcome.Done;
            }

            value = long.MinValue >> (64 - (8 * size));
        }
        else
        {
            var rounding = _instruction.Mnemonic == Mnemonic.Fisttp ? Rounding.Zero : context.Rounding;
            value = FloatInteger.ToInteger(ReadStack(0), size, rounding, ref context);
            SetC1(context.RoundedUp);
            if (SignalX87(context.Raised))
            {
                return Outcome.Done;
            }
        }

        WriteSpan(span, (ulong)value);
        if (_instruction.Mnemonic != Mnemonic.Fist)
        {
            PopStack();
        }

        return Outcome.Done;
    }

    private Outcome LoadX87Constant()
    {
        if (!TryBeginX87(true))
        {
            return Outcome.Fault;
        }

        NoteX87Pointers();

        // The constants are held with more bits and rounded as RC says (SDM vol. 1, 8.3.8). These are the nearest 64-bit significands, and
        // whether the next lower or the next higher one is what directed rounding may ask for.
        var rounding = X87Context(false).Rounding;
        var (significand, exponent, isRoundedUp) = _instruction.Mnemonic switch
        {
            Mnemonic.Fld1 => (0x8000_0000_0000_0000UL, 0, (bool?)null),
            Mnemonic.Fldpi => (0xc90f_daa2_2168_c235UL, 1, true),
            Mnemonic.Fldl2t => (0xd49a_784b_cd1b_8afeUL, 1, false),
            Mnemonic.Fldl2e => (0xb8aa_3b29_5c17_f0bcUL, 0, true),
            Mnemonic.Fldlg2 => (0x9a20_9a84_fbcf_f799UL, -2, true),
            Mnemonic.Fldln2 => (0xb172_17f7_d1cf_79acUL, -1, true),
            _ => (0UL, 0, null),
        };
        if (significand == 0)
        {
            PushStack(Unpacked.Zero(false), FloatExceptions.None);
            return Outcome.Done;
        }

        var adjust = isRoundedUp switch
        {
            true => rounding is Rounding.Nearest or Rounding.Up ? 0 : -1,
            false => rounding == Rounding.Up ? 1 : 0,
            _ => 0,
        };
        var value = new Unpacked { Kind = FloatKind.Finite, Exponent = exponent, Significand = significand + (ulong)adjust };
        PushStack(value, FloatExceptions.None);
        return Outcome.Done;
    }

    private Outcome ExchangeX87()
    {
        if (!TryBeginX87(true))
        {
            return Outcome.Fault;
        }

        NoteX87Pointers();
        var index = StackIndex(_instruction.OpCount - 1);
        if (IsEmpty(0) || IsEmpty(index))
        {
            if (SignalStackFault(false))
            {
                return Outcome.Done;
            }

            ReplaceEmpty(0);
            ReplaceEmpty(index);
        }
        else
        {
            SetC1(false);
        }

        var registers = ExtendedForWrite(XsaveLayout.X87)[XsaveLayout.X87Registers..];
        Span<byte> kept = stackalloc byte[16];
        registers[..16].CopyTo(kept);
        registers.Slice(16 * index, 16).CopyTo(registers);
        kept.CopyTo(registers[(16 * index)..]);
        return Outcome.Done;
    }

    private void ReplaceEmpty(int index)
    {
        if (IsEmpty(index))
        {
            WriteStack(index, Unpacked.Indefinite);
        }
    }

    private Outcome MoveX87OnCondition()
    {
        if (!TryBeginX87(true))
        {
            return Outcome.Fault;
        }

        NoteX87Pointers();
        var index = StackIndex(1);
        if (IsEmpty(0) || IsEmpty(index))
        {
            if (!SignalStackFault(false))
            {
                WriteStack(0, Unpacked.Indefinite);
            }

            return Outcome.Done;
        }

        var condition = _instruction.Mnemonic switch
        {
            Mnemonic.Fcmovb => ConditionCode.b,
            Mnemonic.Fcmove => ConditionCode.e,
            Mnemonic.Fcmovbe => ConditionCode.be,
            Mnemonic.Fcmovu => ConditionCode.p,
            Mnemonic.Fcmovnb => ConditionCode.ae,
            Mnemonic.Fcmovne => ConditionCode.ne,
            Mnemonic.Fcmovnbe => ConditionCode.a,
            _ => ConditionCode.np,
        };
        if (IsMet(condition))
        {
            var registers = ExtendedForWrite(XsaveLayout.X87)[XsaveLayout.X87Registers..];
            registers.Slice(16 * index, 16).CopyTo(registers);
        }

        return Outcome.Done;
    }
}
