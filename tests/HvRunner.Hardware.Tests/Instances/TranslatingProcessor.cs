using System.Buffers.Binary;
using System.Runtime.InteropServices;
using HvRunner.Abstractions;
using HvRunner.Hardware.Tests.Guest;
using HvRunner.Instructions;
using Iced.Intel;
using static HvRunner.Hardware.Tests.Guest.GuestLayout;

namespace HvRunner.Hardware.Tests.Instances;

/// <summary>
/// <see cref="Processor"/> behind the interface. It runs the guest's own loop, as the real processor does. Every instance is executed twice: with an
/// empty translation buffer, which leads through the careful half of each handler, and again on the same memory with the buffer filled, which
/// leads through the fast half. Both must leave the very same bytes, undefined flags included.
/// </summary>
internal sealed class TranslatingProcessor(bool hasTopPage = true) : IProcessorUnderTest
{
    private const int MaximumInstructions = 20_000;
    private const int DataStart = (int)TopPagePhysical;
    private const int DataLength = PageBytes + DataBytes;

    // What most instances reach: some of their neighbours' slots, for ENTER's frames and images.
    private const int NearBytes = 5 * DataSlotBytes;
    private const int LargestOperand = 1024;

    private readonly PinnedMemory _memory = new(GuestSetup.Ram(hasTopPage));
    private readonly Surroundings _surroundings = new();
    private readonly byte[] _topBefore = new byte[PageBytes];
    private readonly byte[] _topCold = new byte[PageBytes];
    private readonly byte[] _before = new byte[DataLength];
    private readonly byte[] _cold = new byte[DataLength];
    private Processor _processor = null!;

    public string Name => "translate";

    public byte[] Ram => _memory.Bytes;

    /// <summary>A new processor: code that is replaced from outside needs one, and the batch's first instances meet one that has translated nothing.</summary>
    public void Begin()
    {
        _processor = new Processor(_memory, _surroundings);
        _surroundings.Processor = _processor;
        Restart();
    }

    public string Run(int index, Instance instance)
    {
        var near = (int)DataPhysical + FirstCentre + (index * DataSlotBytes) - (NearBytes / 2);
        var (start, length) = IsNear(instance, near) ? (near, NearBytes) : (DataStart, DataLength);
        var top = Ram.AsSpan((int)TopPagePhysical, PageBytes);
        var reach = Ram.AsSpan(start, length);
        top.CopyTo(_topBefore);
        reach.CopyTo(_before);
        _processor.StateChanged();
        Execute(index);
        var image = MemoryMarshal.AsRef<ProcessorImage>(Output(index));
        top.CopyTo(_topCold);
        reach.CopyTo(_cold);
        _topBefore.CopyTo(top);
        _before.AsSpan(0, length).CopyTo(reach);
        Execute(index);
        if (!MemoryMarshal.AsBytes(new ReadOnlySpan<ProcessorImage>(in image)).SequenceEqual(Output(index)))
        {
            ref readonly var warm = ref MemoryMarshal.AsRef<ProcessorImage>(Output(index));
            return $"cold {Comparison.Comparer.Ending(image)} rflags {image.Rflags:x}, warm {Comparison.Comparer.Ending(warm)} rflags {warm.Rflags:x}{Registers(image, warm)}: outputs not the same";
        }

        var same = reach.CommonPrefixLength(_cold.AsSpan(0, length));
        return same < length ? $"memory is not the same cold and warm, at physical {start + same:x}" : top.SequenceEqual(_topCold) ? "" : "the top page is not the same cold and warm";
    }

    /// <summary>All that an instance writes lies around its slot, or in the top page.</summary>
    private static bool IsNear(Instance instance, int near)
    {
        var decoded = instance.Decoded;
        if (!instance.IsValid || decoded.IsStringInstruction || decoded.Mnemonic is Mnemonic.Maskmovq or Mnemonic.Maskmovdqu or Mnemonic.Btc or Mnemonic.Btr or Mnemonic.Bts)
        {
            return false;
        }

        var hasOperand = decoded.Op0Kind == OpKind.Memory || (decoded.OpCount > 1 && decoded.Op1Kind == OpKind.Memory);
        return !hasOperand || (Forms.StateAim.TryPhysical(instance.Address, 1, out var physical) && physical >= near && physical + LargestOperand <= near + NearBytes);
    }

    private static string Registers(in ProcessorImage cold, in ProcessorImage warm)
    {
        var text = "";
        for (var i = 0; i < 16; i++)
        {
            text += cold.General[i] == warm.General[i] ? "" : $", register {i} {cold.General[i]:x} and {warm.General[i]:x}";
        }

        return text;
    }

    private Span<byte> Output(int index) => BatchGenerator.Block(Ram, index)[OutputOffset..];

    private void Execute(int index)
    {
        var start = Blocks + (ulong)(index * BlockBytes);
        SetCells(start - BlockBytes, start + BlockBytes);
        if (RunToExit() is { } end)
        {
            MemoryMarshal.AsRef<ProcessorImage>(Output(index)).Vector = end;
            Restart();
        }
    }

    private void Restart()
    {
        GuestSetup.Registers(_processor);
        _processor.StateChanged();
        SetCells(0, 0);
        Assert.Null(RunToExit());
    }

    private void SetCells(ulong cursor, ulong limit)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(Ram.AsSpan((int)CellsPhysical), cursor);
        BinaryPrimitives.WriteUInt64LittleEndian(Ram.AsSpan((int)CellsPhysical + 8), limit);
    }

    /// <summary>Null when the loop came to its exit, else how it did not, as a vector.</summary>
    private ulong? RunToExit()
    {
        _surroundings.HasLeft = false;
        var goal = _processor.InstructionsRetired + MaximumInstructions;
        while (!_surroundings.HasLeft && _processor.InstructionsRetired < goal)
        {
            var stop = _processor.Run(goal - _processor.InstructionsRetired);
            if (stop != ProcessorStop.Budget)
            {
                return stop == ProcessorStop.Unsupported ? ProcessorImage.Unsupported : ProcessorImage.Endless;
            }
        }

        return _surroundings.HasLeft ? null : ProcessorImage.Endless;
    }

    /// <summary>The one thing beside RAM is the page that ends a run; the rest is what <see cref="UserHost"/> says.</summary>
    private sealed class Surroundings : IProcessorEnvironment
    {
        private static UserHost Host => default;

        public Processor? Processor { get; set; }

        public bool HasLeft { get; set; }

        public void ReadMemory(ulong physicalAddress, Span<byte> data) => data.Fill(0xff);

        public void WriteMemory(ulong physicalAddress, ReadOnlySpan<byte> data)
        {
            HasLeft |= physicalAddress == ExitPhysical;
            Processor?.LeaveSoon();
        }

        public void ReadPort(ushort port, Span<byte> data) => Host.ReadPort(port, data);

        public void WritePort(ushort port, ReadOnlySpan<byte> data) => Host.WritePort(port, data);

        public bool TryReadMsr(uint index, out ulong value) => Host.TryReadMsr(index, out value);

        public bool TryWriteMsr(uint index, ulong value) => Host.TryWriteMsr(index, value);

        public bool TryGetCpuid(uint leaf, uint subleaf, out CpuidLeaf result) => Host.TryGetCpuid(leaf, subleaf, out result);

        public ulong ReadTimestamp() => Host.ReadTimestamp();

        public ulong NextRandom() => Host.NextRandom();

        public void TaskPriorityWritten(ulong priority)
        {
        }

        public bool TryHypercall(ProcessorState state) => Host.TryHypercall(state);
    }
}
