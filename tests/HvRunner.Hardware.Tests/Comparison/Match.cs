using System.Runtime.InteropServices;
using HvRunner.Abstractions;
using HvRunner.Hardware.Tests.Guest;
using HvRunner.Hardware.Tests.Instances;
using Iced.Intel;
using static HvRunner.Hardware.Tests.Guest.GuestLayout;

namespace HvRunner.Hardware.Tests.Comparison;

/// <summary>What the comparison of one form came to.</summary>
internal sealed class Tally
{
    public int Instances { get; set; }

    public int Exceptions { get; set; }

    public int Unsupported { get; set; }

    public int Different { get; set; }

    /// <summary>The first instances that differ, a line each.</summary>
    public List<string> Lines { get; } = [];
}

/// <summary>Runs batches on the real processor and on ours and compares them.</summary>
internal sealed class Match(HardwareProcessor hardware, IProcessorUnderTest ours, ulong seed, Code[] forms)
{
    private const int LinesPerForm = 3;
    private const int EmulatedBytes = 64;

    private readonly BatchGenerator _generator = new(ours.Ram, seed, forms);

    /// <summary>By form; what does not decode is under <see cref="Code.INVALID"/>.</summary>
    public Dictionary<Code, Tally> Tallies { get; } = [];

    public long Instances { get; private set; }

    public void Run(long batch)
    {
        _generator.Fill(batch);
        var ram = ours.Ram.AsSpan();
        Copy(ram, TopPagePhysical, PageBytes + DataBytes);
        Copy(ram, CodePhysical, CodeBytes);
        Copy(ram, EdgeCodePhysical, EdgeCodeBytes);
        Copy(ram, BlocksPhysical, MaximumBatch * BlockBytes);
        hardware.Run(MaximumBatch);
        for (var i = 0; i < MaximumBatch; i++)
        {
            var block = BatchGenerator.Block(ram, i);
            ref var output = ref MemoryMarshal.AsRef<ProcessorImage>(block[OutputOffset..]);
            ours.Run(MemoryMarshal.AsRef<ProcessorImage>(block), _generator.Instances[i].Landing, ref output);
        }

        Assert.True(hardware.Memory.TryGetReadOnlySpan(new GuestAddress(0), RamBytes, out var theirs));
        for (var i = 0; i < MaximumBatch; i++)
        {
            Compare(i, theirs, ram);
        }

        Instances += MaximumBatch;
        for (var i = 0; i < MaximumBatch; i++)
        {
            var block = BatchGenerator.Block(ram, i);
            ref readonly var output = ref MemoryMarshal.AsRef<ProcessorImage>(block[OutputOffset..]);
            SavedImage.Equalize(_generator.Instances[i], MemoryMarshal.AsRef<ProcessorImage>(block), output.Vector < ProcessorImage.NoException, theirs, ram);
        }

        CompareMemory(theirs, ram);
    }

    private void Compare(int index, ReadOnlySpan<byte> theirs, Span<byte> ram)
    {
        var instance = _generator.Instances[index];
        var block = BatchGenerator.Block(ram, index);
        ref readonly var input = ref MemoryMarshal.AsRef<ProcessorImage>(block);
        ref readonly var mine = ref MemoryMarshal.AsRef<ProcessorImage>(block[OutputOffset..]);
        ref readonly var real = ref MemoryMarshal.AsRef<ProcessorImage>(theirs.Slice((int)BlocksPhysical + (index * BlockBytes) + OutputOffset, OutputOffset));
        var tally = TallyOf(instance);
        tally.Instances++;
        tally.Exceptions += real.Vector < ProcessorImage.NoException && real.Rip == instance.Start ? 1 : 0;
        if (mine.Vector == ProcessorImage.Unsupported)
        {
            tally.Unsupported++;
            return;
        }

        var differences = Comparer.Differences(instance, input, real, mine);
        if (differences.Length != 0)
        {
            Note(tally, instance, input, differences);
        }
    }

    private void CompareMemory(ReadOnlySpan<byte> theirs, Span<byte> ram)
    {
        var start = (int)TopPagePhysical;
        var length = PageBytes + DataBytes;
        while (length > 0)
        {
            var same = theirs.Slice(start, length).CommonPrefixLength(ram.Slice(start, length));
            start += same;
            length -= same;
            if (length == 0)
            {
                break;
            }

            if (start >= (int)DataPhysical - EmulatedBytes && start < (int)DataPhysical)
            {
                // Where canonical addresses end, this KVM's emulator takes over and may write a part.
                length -= (int)DataPhysical - start;
                start = (int)DataPhysical;
                continue;
            }

            var index = Math.Clamp((start - (int)DataPhysical - FirstCentre + (DataSlotBytes / 2)) / DataSlotBytes, 0, MaximumBatch - 1);
            var instance = _generator.Instances[index];
            ref readonly var input = ref MemoryMarshal.AsRef<ProcessorImage>(BatchGenerator.Block(ram, index));
            var shown = Math.Min(32, length);
            Note(TallyOf(instance), instance, input,
                $"memory at physical {start:x}: {Convert.ToHexStringLower(theirs.Slice(start, shown))} against {Convert.ToHexStringLower(ram.Slice(start, shown))}");
            var skip = Math.Min(length, DataSlotBytes);
            start += skip;
            length -= skip;
        }
    }

    private static void Note(Tally tally, Instance instance, in ProcessorImage input, string differences)
    {
        tally.Different++;
        if (tally.Lines.Count < LinesPerForm)
        {
            tally.Lines.Add($"#{instance.Number} {differences} | {Comparer.Describe(instance, input)}");
        }
    }

    private Tally TallyOf(Instance instance)
    {
        ref var tally = ref CollectionsMarshal.GetValueRefOrAddDefault(Tallies, instance.Decoded.Code, out _);
        return tally ??= new Tally();
    }

    private void Copy(Span<byte> ram, ulong address, int length) =>
        Assert.True(hardware.Memory.TryWrite(new GuestAddress(address), ram.Slice((int)address, length)));
}
