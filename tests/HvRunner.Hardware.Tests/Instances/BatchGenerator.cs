using System.Buffers.Binary;
using System.Runtime.InteropServices;
using HvRunner.Hardware.Tests.Forms;
using HvRunner.Hardware.Tests.Guest;
using Iced.Intel;
using static HvRunner.Hardware.Tests.Guest.GuestLayout;

namespace HvRunner.Hardware.Tests.Instances;

/// <summary>
/// Fills a batch: instructions, processors and memory, written into a RAM image that both processors then start from. A batch is fixed by the
/// seed and its number. Three of four instances are a form as the encoder writes it; of the rest, prefixes or bytes have been changed.
/// </summary>
internal sealed class BatchGenerator
{
    // Undefined in 64-bit mode and one byte long: wherever the processor goes, it stops there.
    private const byte Filler = 0x06;
    private const int Attempts = 50;

    private readonly byte[] _ram;
    private readonly ulong _seed;
    private readonly Code[] _forms;

    // A third of all instances is one of these: which flags the next instruction finds is where a fast processor cuts corners.
    private readonly Code[] _settingFlags;
    private readonly RandomEncoder _encoder = new();
    private readonly FlagConsumers _consumers = new();
    private readonly StateAim _aim;
    private readonly BytesReader _reader = new();
    private readonly Decoder _decoder;

    public BatchGenerator(byte[] ram, ulong seed, Code[] forms)
    {
        _ram = ram;
        _seed = seed;
        _forms = forms;
        _settingFlags = [.. forms.Where(form => new Instruction { Code = form }.RflagsModified != RflagsBits.None)];
        _aim = new StateAim(ram);
        _decoder = Decoder.Create(64, _reader);
        for (var i = 0; i < MaximumBatch; i++)
        {
            Instances[i] = new Instance();
        }
    }

    public Instance[] Instances { get; } = new Instance[MaximumBatch];

    /// <summary>Writes batch <paramref name="batch"/> into RAM.</summary>
    public void Fill(long batch)
    {
        var dice = new Dice(_seed + ((ulong)batch * 0x9e37_79b9_7f4a_7c15));
        var data = MemoryMarshal.Cast<byte, ulong>(_ram.AsSpan((int)TopPagePhysical, PageBytes + DataBytes));
        for (var i = 0; i < data.Length; i++)
        {
            data[i] = dice.Next();
        }

        _ram.AsSpan((int)CodePhysical, CodeBytes).Fill(Filler);
        _ram.AsSpan((int)EdgeCodePhysical, EdgeCodeBytes).Fill(Filler);
        var edges = 0;
        for (var i = 0; i < MaximumBatch; i++)
        {
            var instance = Instances[i];
            instance.Number = (batch * MaximumBatch) + i;
            instance.Wanted = instance.Number % 3 == 2 && _settingFlags.Length != 0
                ? dice.Of<Code>(_settingFlags)
                : _forms[(int)((instance.Number - ((instance.Number + 1) / 3)) % _forms.Length)];
            for (var attempt = 1; !TryMake(dice, instance, i, edges); attempt++)
            {
                // What cannot be had so often cannot be had at all; the table of forms shows it then.
                instance.Wanted = attempt % Attempts == 0 ? dice.Of<Code>(_forms) : instance.Wanted;
            }

            edges += instance.Start >= EdgeCode ? 1 : 0;
        }
    }

    public static Span<byte> Block(Span<byte> ram, int index) => ram.Slice((int)BlocksPhysical + (index * BlockBytes), BlockBytes);

    private bool TryMake(Dice dice, Instance instance, int index, int edges)
    {
        ref var input = ref MemoryMarshal.AsRef<ProcessorImage>(Block(_ram, index));
        RandomState.Fill(dice, ref input);
        FillOperandArea(dice, index);
        var onEdge = edges < EdgePairs && dice.OneIn(40);
        var slot = onEdge ? EdgeCode + (ulong)(edges * 2 * PageBytes) + PageBytes - (CodeSlotBytes / 2) : CodeStart + (ulong)(index * CodeSlotBytes);
        instance.Start = slot + (ulong)(onEdge ? (CodeSlotBytes / 2) - dice.Between(1, 14) : dice.Below(20));
        instance.Target = Target(dice, instance, index);
        if (!_encoder.TryEncode(dice, instance, slot))
        {
            return false;
        }

        var change = dice.Below(100);
        if (change < 14)
        {
            ByteMutator.AddPrefixes(dice, instance);
        }
        else if (change < 24)
        {
            ByteMutator.Replace(dice, instance);
        }

        if (!TryDecode(instance) || !_aim.TryAim(dice, instance, ref input, slot, index))
        {
            return false;
        }

        input.Rip = instance.Start;
        var flows = instance.Decoded.FlowControl is not (FlowControl.Next or FlowControl.Interrupt or FlowControl.Exception);
        instance.ClearTail();
        instance.Landing = Instance.Nowhere;
        if (!onEdge && !flows && instance.IsValid)
        {
            var end = instance.Start + (ulong)instance.Length;
            _consumers.Choose(dice, instance, input, (int)(slot + CodeSlotBytes - end) - LoopCode.Landing.Length);
            instance.Landing = end + (ulong)instance.TailLength;
        }

        var code = _ram.AsSpan((int)PhysicalOfCode(instance.Start));
        instance.Code.CopyTo(code);
        if (instance.Landing != Instance.Nowhere)
        {
            instance.Tail.CopyTo(code[instance.Length..]);
            LoopCode.Landing.CopyTo(code[(instance.Length + instance.TailLength)..]);
        }

        return true;
    }

    /// <summary>Decodes; false when this is nothing to run.</summary>
    private bool TryDecode(Instance instance)
    {
        _reader.Set(instance.Bytes, instance.Length);
        _decoder.IP = instance.Start;
        _decoder.Decode(out var decoded);
        instance.Decoded = decoded;
        if (decoded.IsInvalid)
        {
            if (instance.Code.Contains((byte)0x0f) && instance.Code.IndexOfAny((byte)0xf0, (byte)0xae) >= 0)
            {
                // AMD's processors let LOCK pass before some opcodes of the second map (reserved NOPs, WRGSBASE), against both manuals, and take
                // reserved forms of 0F AE for fences.
                return false;
            }

            // Bytes that end early or are too many: the processor reads on into the filler.
            return _decoder.LastError != DecoderError.NoMoreBytes || instance.Length >= 15;
        }

        instance.Length = decoded.Length;
        if (FormTable.UseOf(decoded) is not (FormUse.Compared or FormUse.ShapeOnly))
        {
            return false;
        }

        if (decoded.Mnemonic is Mnemonic.Loope or Mnemonic.Loopne && instance.Code.IndexOfAny((byte)0xf2, (byte)0xf3) >= 0)
        {
            // The real processor takes the prefix for the other condition; the manuals reserve it.
            return false;
        }

        // With an operand-size prefix AMD's near branches are 16 bits wide, Intel's are not.
        return decoded.FlowControl is FlowControl.Next or FlowControl.Exception || !instance.Code[..^1].Contains((byte)0x66);
    }

    private static ulong Target(Dice dice, Instance instance, int index)
    {
        var kind = dice.Below(200);
        if (kind < 3)
        {
            return 0x8000_0000_0000 - (ulong)dice.Below(24);
        }

        if (kind < 5)
        {
            return EdgeValues.Integer(dice);
        }

        var centre = Centre(dice.Below(3) switch { 0 => DataLow, 1 => DataMiddle, _ => DataHigh }, index);
        if (instance.Wanted.ToOpCode().MemorySize.GetSize() is 0 or > 64)
        {
            // A whole image: the slot's first 832 bytes.
            return centre - (DataSlotBytes / 2) + (ulong)(dice.OneIn(6) ? dice.Below(4) * 16 : 0);
        }

        return centre + (ulong)(dice.Below(10) switch
        {
            < 6 => dice.Between(-3, 2) * 16,
            < 9 => dice.Between(-8, 6) * 4,
            _ => dice.Between(-40, 24),
        });
    }

    private void FillOperandArea(Dice dice, int index)
    {
        var centre = (int)DataPhysical + FirstCentre + (index * DataSlotBytes);
        for (var offset = -48; offset < 48; offset += 8)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(_ram.AsSpan(centre + offset), EdgeValues.Mixed(dice));
        }
    }

    private sealed class BytesReader : CodeReader
    {
        private byte[] _bytes = [];
        private int _count;
        private int _position;

        public void Set(byte[] bytes, int count)
        {
            _bytes = bytes;
            _count = count;
            _position = 0;
        }

        public override int ReadByte() => _position < _count ? _bytes[_position++] : -1;
    }
}
