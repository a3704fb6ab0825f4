// x87 control: initialization, control and status words, environment, whole state, stack pointer, WAIT (SDM vol. 1, 8.3.10 to 8.3.11; image
// formats in figures 8-9 to 8-12). The instruction and data selectors and the opcode are stored as 0, as processors do that deprecate them.
using System.Buffers.Binary;
using Iced.Intel;

namespace HvRunner.Instructions;

internal ref partial struct Execution<TMemory, THost>
{
    private Outcome ExecuteX87Control()
    {
        switch (_instruction.Mnemonic)
        {
            case Mnemonic.Wait:
                return WaitX87();
            case Mnemonic.Fninit or Mnemonic.Finit:
                return InitializeX87();
            case Mnemonic.Fnclex or Mnemonic.Fclex:
                return ClearX87Exceptions();
            case Mnemonic.Fnstcw or Mnemonic.Fstcw or Mnemonic.Fnstsw or Mnemonic.Fstsw:
                return StoreX87Word();
            case Mnemonic.Fldcw:
                return LoadX87ControlWord();
            case Mnemonic.Fnstenv or Mnemonic.Fstenv or Mnemonic.Fnsave or Mnemonic.Fsave:
                return StoreX87Environment();
            case Mnemonic.Fldenv or Mnemonic.Frstor:
                return LoadX87Environment();
            case Mnemonic.Fincstp or Mnemonic.Fdecstp or Mnemonic.Ffree or Mnemonic.Ffreep or Mnemonic.Fnop:
                return MoveX87Stack();
            case Mnemonic.Fneni or Mnemonic.Feni or Mnemonic.Fndisi or Mnemonic.Fdisi or Mnemonic.Fnsetpm or Mnemonic.Fsetpm:
                // Of the 8087 and 80287; no-operations since.
                return TryBeginX87(false) ? Outcome.Done : Outcome.Fault;
            default:
                return Outcome.Elsewhere;
        }
    }

    private Outcome WaitX87()
    {
        const ulong Both = ControlBit.Cr0Mp | ControlBit.Cr0Ts;
        if ((_state.Cr0 & Both) == Both)
        {
            return Raise(ExceptionVector.DeviceNotAvailable);
        }

        return IsX87ErrorPending() ? Outcome.Fault : Outcome.Done;
    }

    private Outcome InitializeX87()
    {
        if (!TryBeginX87(_instruction.Mnemonic == Mnemonic.Finit))
        {
            return Outcome.Fault;
        }

        ResetX87();
        return Outcome.Done;
    }

    /// <summary>FNINIT keeps the registers' contents and calls them all empty; they move to stack order for TOP 0.</summary>
    private void ResetX87()
    {
        while (Top != 0)
        {
            RotateStack(true);
        }

        var image = ExtendedForWrite(XsaveLayout.X87);
        image[..XsaveLayout.Mxcsr].Clear();
        BinaryPrimitives.WriteUInt16LittleEndian(image, XsaveLayout.InitialControlWord);
    }

    private Outcome ClearX87Exceptions()
    {
        if (!TryBeginX87(_instruction.Mnemonic == Mnemonic.Fclex))
        {
            return Outcome.Fault;
        }

        WriteX87Word(XsaveLayout.StatusWord, ReadX87Word(XsaveLayout.StatusWord) & ~(StatusWord.Exceptions | StatusWord.Busy));
        return Outcome.Done;
    }

    private Outcome StoreX87Word()
    {
        if (!TryBeginX87(_instruction.Mnemonic is Mnemonic.Fstcw or Mnemonic.Fstsw))
        {
            return Outcome.Fault;
        }

        var isControl = _instruction.Mnemonic is Mnemonic.Fnstcw or Mnemonic.Fstcw;
        return TryWrite(0, ReadX87Word(isControl ? XsaveLayout.ControlWord : XsaveLayout.StatusWord)) ? Outcome.Done : Outcome.Fault;
    }

    private Outcome LoadX87ControlWord()
    {
        if (!TryBeginX87(true) || !TryRead(0, out var value))
        {
            return Outcome.Fault;
        }

        // Bit 6 always reads 1, bits 7 and 13 to 15 are reserved.
        WriteX87Word(XsaveLayout.ControlWord, ((int)value & 0x1f7f) | 0x40);
        SummarizeX87Errors();
        return Outcome.Done;
    }

    /// <summary>ES and B follow from the flags and the masks.</summary>
    private void SummarizeX87Errors()
    {
        var status = ReadX87Word(XsaveLayout.StatusWord) & ~(StatusWord.ErrorSummary | StatusWord.Busy);
        var pending = status & ~ReadX87Word(XsaveLayout.ControlWord) & 0x3f;
        WriteX87Word(XsaveLayout.StatusWord, pending != 0 ? status | StatusWord.ErrorSummary | StatusWord.Busy : status);
    }

    private Outcome StoreX87Environment()
    {
        var saves = _instruction.Mnemonic is Mnemonic.Fnsave or Mnemonic.Fsave;
        if (!TryBeginX87(_instruction.Mnemonic is Mnemonic.Fstenv or Mnemonic.Fsave))
        {
            return Outcome.Fault;
        }

        var size = _instruction.MemorySize.GetSize();
        var field = size is 14 or 94 ? 2 : 4;
        Span<byte> bytes = stackalloc byte[108];
        var image = Extended();
        StoreField(bytes, 0, field, ReadX87Word(XsaveLayout.ControlWord));
        StoreField(bytes, 1, field, ReadX87Word(XsaveLayout.StatusWord));
        StoreField(bytes, 2, field, FullTags());
        StoreField(bytes, 3, field, BinaryPrimitives.ReadUInt32LittleEndian(image[XsaveLayout.InstructionPointer..]));
        StoreField(bytes, 5, field, BinaryPrimitives.ReadUInt32LittleEndian(image[XsaveLayout.DataPointer..]));
        if (field == 4)
        {
            // The upper halves of the three words read as ones.
            bytes[2] = bytes[3] = bytes[6] = bytes[7] = bytes[10] = bytes[11] = 0xff;
            bytes[26] = bytes[27] = 0xff;
        }

        for (var i = 0; saves && i < 8; i++)
        {
            image.Slice(XsaveLayout.X87Registers + (16 * i), 10).CopyTo(bytes[((7 * field) + (10 * i))..]);
        }

        if (!TryLocate(MemorySegment, EffectiveAddress(), size, field, Access.Write, out var span))
        {
            return Outcome.Fault;
        }

        WriteSpan(span, bytes[..size]);
        if (saves)
        {
            ResetX87();
        }
        else
        {
            // FNSTENV masks everything, so that a handler can use the unit; then nothing is pending.
            WriteX87Word(XsaveLayout.ControlWord, ReadX87Word(XsaveLayout.ControlWord) | 0x3f);
            SummarizeX87Errors();
        }

        return Outcome.Done;
    }

    private static void StoreField(Span<byte> bytes, int index, int size, uint value)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[(index * size)..], (ushort)value);
        if (size == 4 && index >= 3)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(bytes[(index * size)..], value);
        }
    }

    private static uint LoadField(ReadOnlySpan<byte> bytes, int index, int size) =>
        size == 4 ? BinaryPrimitives.ReadUInt32LittleEndian(bytes[(index * 4)..]) : BinaryPrimitives.ReadUInt16LittleEndian(bytes[(index * 2)..]);

    /// <summary>Two bits a physical register: 0 valid, 1 zero, 2 special, 3 empty.</summary>
    private uint FullTags()
    {
        uint tags = 0;
        var top = Top;
        for (var i = 0; i < 8; i++)
        {
            var value = ReadStack(i);
            var tag = IsEmpty(i) ? 3u : value.Kind == FloatKind.Zero ? 1u : value.Kind == FloatKind.Finite && !value.IsDenormal ? 0u : 2u;
            tags |= tag << (2 * ((top + i) & 7));
        }

        return tags;
    }

    private Outcome LoadX87Environment()
    {
        var size = _instruction.MemorySize.GetSize();
        var field = size is 14 or 94 ? 2 : 4;
        if (!TryBeginX87(true) || !TryLocate(MemorySegment, EffectiveAddress(), size, field, Access.Read, out var span))
        {
            return Outcome.Fault;
        }

        Span<byte> bytes = stackalloc byte[108];
        ReadSpan(span, bytes[..size]);
        var status = (int)LoadField(bytes, 1, field) & 0xffff;

        // Registers lie in stack order in the image: bring them to the order of the new TOP.
        while (Top != ((status >> 11) & 7))
        {
            RotateStack(false);
        }

        WriteX87Word(XsaveLayout.ControlWord, ((int)LoadField(bytes, 0, field) & 0x1f7f) | 0x40);
        WriteX87Word(XsaveLayout.StatusWord, status);
        var image = ExtendedForWrite(XsaveLayout.X87);
        var tags = LoadField(bytes, 2, field);
        image[XsaveLayout.TagByte] = 0;
        for (var i = 0; i < 8; i++)
        {
            if (((tags >> (2 * i)) & 3) != 3)
            {
                image[XsaveLayout.TagByte] |= (byte)(1 << i);
            }
        }

        BinaryPrimitives.WriteUInt64LittleEndian(image[XsaveLayout.InstructionPointer..], LoadField(bytes, 3, field));
        BinaryPrimitives.WriteUInt64LittleEndian(image[XsaveLayout.DataPointer..], LoadField(bytes, 5, field));
        for (var i = 0; _instruction.Mnemonic == Mnemonic.Frstor && i < 8; i++)
        {
            bytes.Slice((7 * field) + (10 * i), 10).CopyTo(image[(XsaveLayout.X87Registers + (16 * i))..]);
        }

        SummarizeX87Errors();
        return Outcome.Done;
    }

    private Outcome MoveX87Stack()
    {
        if (!TryBeginX87(true))
        {
            return Outcome.Fault;
        }

        NoteX87Pointers();
        switch (_instruction.Mnemonic)
        {
            case Mnemonic.Fincstp or Mnemonic.Fdecstp:
                SetC1(false);
                RotateStack(_instruction.Mnemonic == Mnemonic.Fdecstp);
                break;
            case Mnemonic.Ffree:
                SetC1(false);
                SetTag(StackIndex(0), false);
                break;
            case Mnemonic.Ffreep:
                SetC1(false);
                SetTag(StackIndex(0), false);
                PopStack();
                break;
        }

        return Outcome.Done;
    }
}
