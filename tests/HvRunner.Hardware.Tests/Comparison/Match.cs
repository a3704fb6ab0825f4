using System.Runtime.InteropServices;
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

/// <summary>
/// Runs batches on the real processor and on ours and compares them. The instances of a batch share memory, as neighbours: so where a batch
/// differs, its instances are run again one by one, each on the memory that the batch began with, and only what then differs counts.
/// </summary>
internal sealed class Match(IRealProcessor hardware, IProcessorUnderTest ours, ulong seed, Code[] forms)
{
    private const int LinesPerForm = 3;
    private const int EmulatedBytes = 64;
    private const int MaximumDissections = 40;
    private const int MaximumAttempts = 100;
    private const int DataStart = (int)TopPagePhysical;
    private const int DataLength = PageBytes + DataBytes;

    private readonly BatchGenerator _generator = new(ours.Ram, seed, forms);
    private readonly byte[] _data = new byte[DataLength];
    private readonly string[] _executions = new string[MaximumBatch];
    private int _dissections;

    /// <summary>By form; what does not decode is under <see cref="Code.INVALID"/>.</summary>
    public Dictionary<Code, Tally> Tallies { get; } = [];

    /// <summary>Bytes that the manuals reserve and the real processor executes, or a software-assisted KVM's emulator does.</summary>
    public SortedSet<string> ReservedButExecuted { get; } = [];

    public long Instances { get; private set; }

    /// <summary>Instances that differed only because a neighbour had left other memory, within what is not compared.</summary>
    public int Entangled { get; private set; }

    /// <summary>Instances to which the real processor gave another answer when it was asked again, and then ours: a hypervisor below it interfered.</summary>
    public int Unrepeated { get; private set; }

    public void Run(long batch)
    {
        _generator.Fill(batch);
        var ram = ours.Ram.AsSpan();
        ram.Slice(DataStart, DataLength).CopyTo(_data);
        Copy(DataStart, DataLength);
        Copy((int)CodePhysical, CodeBytes);
        Copy((int)EdgeCodePhysical, EdgeCodeBytes);
        Copy((int)BlocksPhysical, MaximumBatch * BlockBytes);
        ours.Begin();
        var isUndisturbed = hardware.Run(0, MaximumBatch);
        var suspects = 0;
        for (var i = 0; i < MaximumBatch; i++)
        {
            RunOurs(i);
            suspects += Compare(i).Length == 0 ? 0 : 1;
            Count(i);
        }

        for (var i = 0; i < MaximumBatch; i++)
        {
            Equalize(i);
        }

        Instances += MaximumBatch;
        if (suspects != 0 || CompareMemory().Length != 0)
        {
            Dissect(suspects, isUndisturbed);
        }
    }

    /// <summary>Each instance of the batch by itself.</summary>
    private void Dissect(int suspects, bool isUndisturbed)
    {
        _dissections += isUndisturbed ? 1 : 0;
        if (_dissections == MaximumDissections + 1)
        {
            Tallies[Code.INVALID].Lines.Add($"more than {MaximumDissections} batches differ; the rest are counted by batch only");
        }

        if (_dissections > MaximumDissections && isUndisturbed)
        {
            Tallies[Code.INVALID].Different++;
            return;
        }

        var found = 0;
        for (var i = 0; i < MaximumBatch; i++)
        {
            var differences = CompareAlone(i);
            if (differences.Length != 0 && CompareAlone(i).Length == 0)
            {
                Unrepeated++;
                differences = "";
            }

            if (differences.Length != 0)
            {
                found++;
                Note(i, differences);
            }
        }

        Entangled += Math.Max(0, suspects - found);
    }

    /// <summary>One instance on the memory that the batch began with: differences of processor and memory.</summary>
    private string CompareAlone(int index)
    {
        _data.CopyTo(ours.Ram.AsSpan(DataStart));
        RunAlone(index);
        RunOurs(index);
        var differences = Compare(index);
        Equalize(index);
        var memory = CompareMemory();
        return differences + (differences.Length != 0 && memory.Length != 0 ? ", " : "") + memory;
    }

    private void RunAlone(int index)
    {
        var attempts = 0;
        do
        {
            Assert.True(attempts++ < MaximumAttempts, "the host leaves the real processor no time, not even for one instance");
            Copy(DataStart, DataLength);
        }
        while (!hardware.Run(index, 1));
    }

    private void RunOurs(int index) => _executions[index] = ours.Run(index, _generator.Instances[index]);

    private string Compare(int index)
    {
        ref readonly var mine = ref Mine(index);
        if (mine.Vector == ProcessorImage.Unsupported)
        {
            return "";
        }

        if (_executions[index].Length != 0)
        {
            return _executions[index];
        }

        var instance = _generator.Instances[index];
        ref readonly var real = ref Real(index);
        if (IsReservedButExecuted(index))
        {
            ReservedButExecuted.Add(Convert.ToHexStringLower(instance.Code));
            return "";
        }

        return Comparer.Differences(instance, Input(index), real, mine, hardware.IsWholeMachine);
    }

    private bool IsReservedButExecuted(int index)
    {
        var instance = _generator.Instances[index];
        ref readonly var mine = ref Mine(index);
        return !instance.IsValid && mine.Vector is 6 or 13 or 14 && mine.Rip == instance.Start && Real(index).Rip != instance.Start;
    }

    private void Count(int index)
    {
        var instance = _generator.Instances[index];
        var tally = TallyOf(instance);
        ref readonly var real = ref Real(index);
        tally.Instances++;
        tally.Exceptions += real.Vector < ProcessorImage.NoException && real.Rip == instance.Start ? 1 : 0;
        tally.Unsupported += Mine(index).Vector == ProcessorImage.Unsupported ? 1 : 0;
    }

    private void Equalize(int index)
    {
        if (IsReservedButExecuted(index))
        {
            Theirs.Slice(DataStart, DataLength).CopyTo(ours.Ram.AsSpan(DataStart));
            return;
        }

        var faulted = Mine(index).Vector < ProcessorImage.NoException || Real(index).Vector < ProcessorImage.NoException;
        SavedImage.Equalize(_generator.Instances[index], Input(index), faulted, Theirs, ours.Ram);
    }

    private string CompareMemory()
    {
        var ram = ours.Ram.AsSpan();
        var theirs = Theirs;

        // Where canonical addresses end, such a KVM's emulator takes over and may write a part.
        theirs.Slice((int)DataPhysical - EmulatedBytes, EmulatedBytes).CopyTo(ram[((int)DataPhysical - EmulatedBytes)..]);
        var mine = ram.Slice(DataStart, DataLength);
        var same = theirs.Slice(DataStart, DataLength).CommonPrefixLength(mine);
        if (same == DataLength)
        {
            return "";
        }

        var shown = Math.Min(32, DataLength - same);
        return $"memory at physical {DataStart + same:x}: {Convert.ToHexStringLower(theirs.Slice(DataStart + same, shown))} against {Convert.ToHexStringLower(mine.Slice(same, shown))}";
    }

    private void Note(int index, string differences)
    {
        var instance = _generator.Instances[index];
        var tally = TallyOf(instance);
        tally.Different++;
        if (tally.Lines.Count < LinesPerForm)
        {
            tally.Lines.Add($"#{instance.Number} {differences} | {Comparer.Describe(instance, Input(index))}");
        }
    }

    private ReadOnlySpan<byte> Theirs => hardware.Ram;

    private ref readonly ProcessorImage Input(int index) => ref MemoryMarshal.AsRef<ProcessorImage>(BatchGenerator.Block(ours.Ram, index));

    private ref readonly ProcessorImage Mine(int index) => ref MemoryMarshal.AsRef<ProcessorImage>(BatchGenerator.Block(ours.Ram, index)[OutputOffset..]);

    private ref readonly ProcessorImage Real(int index) =>
        ref MemoryMarshal.AsRef<ProcessorImage>(Theirs.Slice((int)BlocksPhysical + (index * BlockBytes) + OutputOffset, OutputOffset));

    private Tally TallyOf(Instance instance)
    {
        ref var tally = ref CollectionsMarshal.GetValueRefOrAddDefault(Tallies, instance.Decoded.Code, out _);
        return tally ??= new Tally();
    }

    private void Copy(int address, int length) =>
        hardware.Write(address, ours.Ram.AsSpan(address, length));
}
