using HvRunner.Abstractions;
using HvRunner.Chipset.Apic;
using HvRunner.Fakes;

namespace HvRunner.Chipset.Tests.Apic;

/// <summary>The devices of a model run with their reference, and the comparison of all that a guest or a vCPU can see.</summary>
internal sealed class InterruptModelBoard : IDisposable
{
    private const int ExternalVector = 256;

    private readonly FakeTimerQueue _queue = new();
    private readonly IoApic _ioApic;
    private readonly IInterruptLine[][] _lints;
    private readonly bool[] _couldBefore;

    public InterruptModelBoard(int processors, long startNs)
    {
        _queue.Advance(startNs);
        Processors = [.. Enumerable.Range(0, processors).Select(id => new ModelProcessor(id, _queue, Bus))];
        _ioApic = new IoApic(Bus);
        Bus.Connect(_ioApic);
        Lines = [.. Enumerable.Range(0, IoApic.PinCount).Select(_ioApic.GetLine)];
        _lints = [.. Processors.Select(processor => new[] { processor.Apic.Lint0, processor.Apic.Lint1 })];
        _couldBefore = new bool[processors];
        Reference = new ReferenceInterrupts(processors);
        foreach (var apic in Reference.Apics)
        {
            apic.Timer.Now = startNs;
        }
    }

    public ApicBus Bus { get; } = new();

    public ModelProcessor[] Processors { get; }

    public IInterruptLine[] Lines { get; }

    public ReferenceInterrupts Reference { get; }

    public int Taken { get; private set; }

    public int Started { get; private set; }

    public IInterruptLine Lint(int processor, int pin) => _lints[processor][pin];

    public void Dispose()
    {
        foreach (var processor in Processors)
        {
            processor.Apic.Dispose();
        }
    }

    public void Advance(int ns)
    {
        _queue.Advance(ns);
        foreach (var processor in Processors)
        {
            // A period under 20 us is served late by the host; a look at the IRR brings it to now.
            if (processor.Apic.IsEnabled)
            {
                processor.ReadRegister(0x200);
            }
        }
    }

    public void WritePin(int index, uint value)
    {
        Span<byte> data = stackalloc byte[4];
        BitConverter.TryWriteBytes(data, index);
        Assert.Equal(IoStatus.Ok, _ioApic.Write(0x00, data));
        BitConverter.TryWriteBytes(data, value);
        Assert.Equal(IoStatus.Ok, _ioApic.Write(0x10, data));
    }

    public void EndAtPins(int vector)
    {
        Span<byte> data = [(byte)vector, 0, 0, 0];
        Assert.Equal(IoStatus.Ok, _ioApic.Write(0x40, data));
    }

    /// <summary>The vCPU takes what there is, in the order of a vCPU.</summary>
    public void Take(int index)
    {
        var (processor, reference) = (Processors[index], Reference.Apics[index]);
        Assert.Equal(reference.TakeInit(), processor.Apic.TryTakeInit());
        var started = processor.Apic.TryTakeStartUp(out var page);
        Assert.Equal(reference.TakeStartUp(), started ? page : -1);
        Assert.Equal(reference.NonMaskable, processor.Apic.TryTakeNonMaskable());
        reference.NonMaskable = false;
        processor.External = false;
        var taken = processor.Apic.TryAcknowledge(out var vector) ? vector : -1;
        Assert.Equal(reference.Take(), processor.External ? ExternalVector : taken);
        Taken += taken >= 0 ? 1 : 0;
        Started += started ? 1 : 0;
    }

    public void SaveAndLoad()
    {
        IEnumerable<IStateful> devices = [Bus, _ioApic, .. Processors.Select(processor => processor.Apic)];
        foreach (var device in devices)
        {
            var state = device.SavedState();
            device.Reset();
            device.LoadState(state);
            Assert.Equal(state, device.SavedState());
        }
    }

    public void BeforeStep()
    {
        for (var i = 0; i < Processors.Length; i++)
        {
            _couldBefore[i] = Could(Reference.Apics[i]);
            Processors[i].Signalled = false;
        }
    }

    /// <summary>What differs, or null.</summary>
    public string? Compare()
    {
        for (var i = 0; i < Processors.Length; i++)
        {
            if (Compare(Processors[i], Reference.Apics[i], _couldBefore[i]) is { } difference)
            {
                return $"processor {i}: {difference}";
            }
        }

        for (var i = 0; i < IoApic.PinCount; i += 7)
        {
            var pin = Reference.Pins[i];
            if (ReadPin((2 * i) + 0x10) != (pin.Low | (pin.RemoteIrr ? 0x4000u : 0)) || ReadPin((2 * i) + 0x11) != pin.High)
            {
                return $"pin {i}: 0x{ReadPin((2 * i) + 0x10):x}, the reference says 0x{pin.Low:x}, remote IRR {pin.RemoteIrr}";
            }
        }

        return null;
    }

    private static bool Could(ReferenceLocalApic apic) => !apic.InitPending && (apic.External || apic.Deliverable >= 0 || apic.NonMaskable);

    private static string? Compare(ModelProcessor processor, ReferenceLocalApic reference, bool couldBefore)
    {
        var apic = processor.Apic;
        var could = Could(reference);
        if ((reference.External || reference.Deliverable >= 0) != apic.HasInterrupt)
        {
            return "something deliverable";
        }

        if (could && !couldBefore && !processor.Signalled)
        {
            return "no signal";
        }

        if (apic.WaitsForStartUp != reference.Waits || apic.SystemManagementInterrupts != reference.Smis || apic.HasNonMaskable != reference.NonMaskable)
        {
            return "waiting for SIPI, NMI or count of SMIs";
        }

        if (reference.Mode == 0)
        {
            return apic.IsEnabled ? "not off" : null;
        }

        var lint0 = (uint)(reference.Lint(0) | (reference.AcceptedByLint0 < 0 ? 0 : 0x4000));
        return CompareSet(processor, 0x200, reference.Requests) ?? CompareSet(processor, 0x100, reference.Service) ?? CompareSet(processor, 0x180, reference.Levels) ??
            Compare(processor, 0xa0, (uint)reference.ProcessorPriority) ?? Compare(processor, 0x80, (uint)reference.TaskPriority) ??
            Compare(processor, 0x280, (uint)reference.Shown) ?? Compare(processor, 0xf0, (uint)reference.Spurious) ??
            Compare(processor, 0x390, reference.Timer.Count) ?? Compare(processor, 0x380, reference.Timer.Initial) ??
            Compare(processor, 0x320, (uint)reference.Timer.Entry) ?? Compare(processor, 0x350, lint0) ?? Compare(processor, 0x360, (uint)reference.Lint(1)) ??
            Compare(processor, 0x370, (uint)reference.ErrorEntry) ??
            (apic.ReadTscDeadline() == (ulong)reference.Timer.Deadline ? null : "TSC deadline") ??
            Compare(processor, 0x300, reference.CommandLow) ?? (reference.Mode == 1
                ? Compare(processor, 0x20, reference.Id) ?? Compare(processor, 0x310, reference.CommandHigh)
                : processor.ReadUpperCommand() == reference.CommandHigh ? null : "upper half of the ICR");
    }

    private static string? CompareSet(ModelProcessor processor, int offset, VectorBits expected)
    {
        var words = expected.Words;
        for (var i = 0; i < words.Length; i++)
        {
            if (Compare(processor, offset + (i * 0x10), words[i]) is { } difference)
            {
                return difference;
            }
        }

        return null;
    }

    private static string? Compare(ModelProcessor processor, int offset, uint expected)
    {
        var found = processor.ReadRegister(offset);
        return found == expected ? null : $"register 0x{offset:x}: 0x{found:x8}, the reference says 0x{expected:x8}";
    }

    private uint ReadPin(int index)
    {
        Span<byte> data = stackalloc byte[4];
        BitConverter.TryWriteBytes(data, index);
        _ = _ioApic.Write(0x00, data);
        _ = _ioApic.Read(0x10, data);
        return BitConverter.ToUInt32(data);
    }
}

/// <summary>A processor of the model: its registers by whichever way its mode has, without an assertion where none is needed.</summary>
internal sealed class ModelProcessor : IProcessorStart, IInterruptAcknowledge
{
    public ModelProcessor(int id, FakeTimerQueue queue, ApicBus bus) =>
        Apic = new LocalApic(id, queue, this, this, tsc: new FixedRateTsc(queue, 1_000_000_000), bus: bus, x2Apic: true);

    public LocalApic Apic { get; }

    public bool Signalled { get; set; }

    public bool External { get; set; }

    public void Signal() => Signalled = true;

    public void SignalStart() => Signalled = true;

    public byte Acknowledge()
    {
        External = true;
        return 0x20;
    }

    public uint ReadRegister(int offset)
    {
        Span<byte> data = stackalloc byte[4];
        if (Apic.Read((ulong)offset, data) == IoStatus.Ok)
        {
            return BitConverter.ToUInt32(data);
        }

        Assert.True(Apic.TryReadMsr(0x800 + ((uint)offset >> 4), out var value));
        return (uint)value;
    }

    public void WriteRegister(int offset, uint value)
    {
        Span<byte> data = stackalloc byte[4];
        BitConverter.TryWriteBytes(data, value);
        if (Apic.Write((ulong)offset, data) != IoStatus.Ok)
        {
            WriteMsr(offset, value);
        }
    }

    public void WriteMsr(int offset, ulong value) => Assert.True(Apic.TryWriteMsr(0x800 + ((uint)offset >> 4), value));

    public uint ReadUpperCommand()
    {
        Assert.True(Apic.TryReadMsr(0x830, out var value));
        return (uint)(value >> 32);
    }
}
