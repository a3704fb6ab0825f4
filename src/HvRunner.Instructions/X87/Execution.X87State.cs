// The x87 register stack in the XSAVE image (SDM vol. 1, 8.1 and 10.5.1.1): registers lie there in stack order, ST(0) first, while the tag byte
// counts physical registers. Exceptions are deferred: an unmasked one sets ES, and the next waiting instruction raises #MF.
// Not done: the FERR# pin of CR0.NE = 0 (such a pending exception is unsupported), the opcode register, code and data selectors.
using System.Buffers.Binary;
using Iced.Intel;

namespace HvRunner.Instructions;

/// <summary>Bits of the status word (SDM vol. 1, 8.1.3).</summary>
internal static class StatusWord
{
    public const ushort StackFault = 1 << 6;
    public const ushort ErrorSummary = 1 << 7;
    public const ushort C0 = 1 << 8;
    public const ushort C1 = 1 << 9;
    public const ushort C2 = 1 << 10;
    public const ushort C3 = 1 << 14;
    public const ushort Busy = 1 << 15;
    public const ushort TopMask = 7 << 11;
    public const ushort Exceptions = 0xff;
}

internal ref partial struct Execution<TMemory, THost>
{
    private ushort ReadX87Word(int offset) => BinaryPrimitives.ReadUInt16LittleEndian(Extended()[offset..]);

    private void WriteX87Word(int offset, int value) =>
        BinaryPrimitives.WriteUInt16LittleEndian(ExtendedForWrite(XsaveLayout.X87)[offset..], (ushort)value);

    private int Top
    {
        get => (ReadX87Word(XsaveLayout.StatusWord) >> 11) & 7;
        set => WriteX87Word(XsaveLayout.StatusWord, (ReadX87Word(XsaveLayout.StatusWord) & ~StatusWord.TopMask) | ((value & 7) << 11));
    }

    private bool IsEmpty(int index) => (Extended()[XsaveLayout.TagByte] & (1 << ((Top + index) & 7))) == 0;

    private void SetTag(int index, bool valid)
    {
        var image = ExtendedForWrite(XsaveLayout.X87);
        var bit = 1 << ((Top + index) & 7);
        image[XsaveLayout.TagByte] = (byte)(valid ? image[XsaveLayout.TagByte] | bit : image[XsaveLayout.TagByte] & ~bit);
    }

    private Unpacked ReadStack(int index)
    {
        var slot = Extended()[(XsaveLayout.X87Registers + (16 * index))..];
        return FloatFormat.UnpackExtended(BinaryPrimitives.ReadUInt64LittleEndian(slot), BinaryPrimitives.ReadUInt16LittleEndian(slot[8..]));
    }

    private void WriteStack(int index, in Unpacked value)
    {
        var (significand, signAndExponent) = FloatFormat.PackExtended(value);
        WriteStackRaw(index, significand, signAndExponent);
    }

    private void WriteStackRaw(int index, ulong significand, ushort signAndExponent)
    {
        var slot = ExtendedForWrite(XsaveLayout.X87)[(XsaveLayout.X87Registers + (16 * index))..];
        BinaryPrimitives.WriteUInt64LittleEndian(slot, significand);
        BinaryPrimitives.WriteUInt64LittleEndian(slot[8..], signAndExponent);
        SetTag(index, true);
    }

    /// <summary>Moves TOP by one and the image's registers against it, because they lie there in stack order.</summary>
    private void RotateStack(bool down)
    {
        var registers = ExtendedForWrite(XsaveLayout.X87)[XsaveLayout.X87Registers..XsaveLayout.XmmRegisters];
        Span<byte> kept = stackalloc byte[16];
        if (down)
        {
            registers[112..].CopyTo(kept);
            registers[..112].CopyTo(registers[16..]);
            kept.CopyTo(registers);
            Top--;
        }
        else
        {
            registers[..16].CopyTo(kept);
            registers[16..].CopyTo(registers);
            kept.CopyTo(registers[112..]);
            Top++;
        }
    }

    private void PopStack()
    {
        SetTag(0, false);
        RotateStack(false);
    }

    /// <summary>Pushes a value; a full stack raises invalid and, masked, leaves the indefinite on top.</summary>
    private void PushStack(in Unpacked value, FloatExceptions raised)
    {
        if (!IsEmpty(7))
        {
            if (!SignalStackFault(true))
            {
                RotateStack(true);
                WriteStack(0, Unpacked.Indefinite);
            }

            return;
        }

        SetC1(false);
        if (!SignalX87(raised))
        {
            RotateStack(true);
            WriteStack(0, value);
        }
    }

    private void SetC1(bool set)
    {
        var status = ReadX87Word(XsaveLayout.StatusWord);
        WriteX87Word(XsaveLayout.StatusWord, set ? status | StatusWord.C1 : status & ~StatusWord.C1);
    }

    /// <summary>Invalid with SF; C1 tells overflow from underflow. True when it is unmasked: the destination stays as it is.</summary>
    private bool SignalStackFault(bool overflow)
    {
        WriteX87Word(XsaveLayout.StatusWord, ReadX87Word(XsaveLayout.StatusWord) | StatusWord.StackFault);
        var unmasked = SignalX87(FloatExceptions.Invalid);
        SetC1(overflow);
        return unmasked;
    }

    /// <summary>Records exceptions in the status word. True when one that precedes the result is unmasked.</summary>
    private bool SignalX87(FloatExceptions raised)
    {
        if (raised == FloatExceptions.None)
        {
            return false;
        }

        var masks = (FloatExceptions)(ReadX87Word(XsaveLayout.ControlWord) & 0x3f);
        var unmasked = raised & ~masks;

        // An exception that stops the operation keeps later ones from arising.
        if ((unmasked & FloatExceptions.BeforeResult) != 0)
        {
            raised &= FloatExceptions.BeforeResult;
        }

        var status = ReadX87Word(XsaveLayout.StatusWord) | (int)raised;
        if (unmasked != 0)
        {
            status |= StatusWord.ErrorSummary | StatusWord.Busy;
        }

        WriteX87Word(XsaveLayout.StatusWord, status);
        return (unmasked & FloatExceptions.BeforeResult) != 0;
    }

    /// <summary>The same for an operation with one rounded result, whose direction goes to C1 unless the operation stops.</summary>
    private bool SignalX87Result(in FloatContext context)
    {
        var stops = SignalX87(context.Raised);
        SetC1(context.RoundedUp && !stops);
        return stops;
    }

    /// <summary>Rounding as FCW says; precision control applies to arithmetic and not to conversions.</summary>
    private FloatContext X87Context(bool usesPrecisionControl)
    {
        var control = ReadX87Word(XsaveLayout.ControlWord);
        var context = new FloatContext
        {
            Rounding = (Rounding)((control >> 10) & 3),
            Masked = (FloatExceptions)(control & 0x3f),
            IsX87 = true,
        }.WithFormat(FloatFormat.Extended);
        if (usesPrecisionControl)
        {
            context.Precision = ((control >> 8) & 3) switch { 0 => 24, 2 => 53, _ => 64 };
        }

        return context;
    }

    /// <summary>The checks before any x87 instruction; waiting ones also report a pending exception.</summary>
    private bool TryBeginX87(bool waits)
    {
        if ((_state.Cr0 & (ControlBit.Cr0Em | ControlBit.Cr0Ts)) != 0)
        {
            Raise(ExceptionVector.DeviceNotAvailable);
            return false;
        }

        return !waits || !IsX87ErrorPending();
    }

    private bool IsX87ErrorPending()
    {
        if ((ReadX87Word(XsaveLayout.StatusWord) & StatusWord.ErrorSummary) == 0 || (_state.Cr0 & ControlBit.Cr0Ne) == 0)
        {
            return false;
        }

        Raise(ExceptionVector.FloatingPoint);
        return true;
    }

    /// <summary>Remembers where the last x87 operation stood; control instructions do not come here.</summary>
    private void NoteX87Pointers()
    {
        var image = ExtendedForWrite(XsaveLayout.X87);
        BinaryPrimitives.WriteUInt64LittleEndian(image[XsaveLayout.InstructionPointer..], _state.Rip);
        if (IsMemory(0) && _instruction.OpCount == 1)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(image[XsaveLayout.DataPointer..], EffectiveAddress());
        }
    }

    private readonly int StackIndex(int operand) => _instruction.GetOpRegister(operand) - Register.ST0;
}
