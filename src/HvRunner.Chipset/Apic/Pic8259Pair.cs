// The two 8259A of a PC: ports 0x20-0x21, 0xa0-0xa1, and the edge/level control registers (ELCR) at 0x4d0-0x4d1. The slave's INT is the
// master's input 2; the master's INT is INTR, the processor's (through LINT0 of a local APIC: "virtual wire").
//
// In the acknowledge cycle the master names the level on the cascade lines when its ICW3 says that a slave is there, and the chip
// whose ICW3 is that number answers. If none does, the bus floats and the vector is 0xff. The slave's INT falls during each
// acknowledge, so a further request of it is a further edge for the master; so does INTR, for an IO-APIC's ExtINT pin.
//
// A wide access is a run of byte accesses, as on the ISA bus.
//
// Threats: a guest may write any words in any order, which ends in wrong vectors for itself and nothing else. INTR is driven only when it
// changes, so a guest cannot flood its far end without an access for each edge.

using HvRunner.Abstractions;

namespace HvRunner.Chipset.Apic;

/// <summary>
/// Both interrupt controllers. Wires are driven from any thread, ports and <see cref="Acknowledge"/> from vCPU threads. INTR is driven with the
/// pair's lock held.
/// </summary>
public sealed class Pic8259Pair : IStateful, IInterruptAcknowledge
{
    /// <summary>Size of each of the three regions in bytes (ports).</summary>
    public const int RegionSize = 2;

    private const string Name = "pic";
    private const byte StateVersion = 1;
    private const byte FloatingBus = 0xff;

    // Wiring.
    private readonly IInterruptLine _intr;
    private readonly Line?[] _wires = new Line?[PicWiring.Lines];
    private readonly Lock _lock = new();

    // Volatile state.
    private readonly Pic8259 _master = new(isMaster: true);
    private readonly Pic8259 _slave = new(isMaster: false);
    private bool _intrLevel;

    /// <summary>Makes the pair in its power-on state: not initialized, so that nothing is raised.</summary>
    /// <param name="intr">The master's INT output.</param>
    public Pic8259Pair(IInterruptLine intr)
    {
        _intr = intr;
        for (var irq = 0; irq < _wires.Length; irq++)
        {
            _wires[irq] = irq == PicWiring.Cascade ? null : new Line(this, irq);
        }

        MasterPorts = new Ports(this, "pic-master", Bank.Master);
        SlavePorts = new Ports(this, "pic-slave", Bank.Slave);
        EdgeLevelPorts = new Ports(this, "pic-elcr", Bank.EdgeLevel);
        Reset();
    }

    private enum Bank
    {
        Master,
        Slave,
        EdgeLevel,
    }

    /// <summary>Ports 0x20 and 0x21.</summary>
    public IBusDevice MasterPorts { get; }

    /// <summary>Ports 0xa0 and 0xa1.</summary>
    public IBusDevice SlavePorts { get; }

    /// <summary>Ports 0x4d0 and 0x4d1: one bit per input, 1 is level-triggered.</summary>
    public IBusDevice EdgeLevelPorts { get; }

    /// <summary>The wire of ISA interrupt 0 to 15. There is none for 2, where the slave is.</summary>
    public IInterruptLine GetLine(int irq)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(irq);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(irq, PicWiring.Lines);
        return _wires[irq] ?? throw new ArgumentOutOfRangeException(nameof(irq), irq, "the slave's output is on input 2; devices for IRQ 2 are wired to 9");
    }

    /// <inheritdoc/>
    public byte Acknowledge()
    {
        lock (_lock)
        {
            var level = _master.Acknowledge();
            int vector;
            if (level < 0)
            {
                vector = _master.VectorBase | PicWiring.DefaultLevel;
            }
            else if (!_master.IsCascade(level))
            {
                vector = _master.VectorBase | level;
            }
            else if (_slave.Identity != level)
            {
                vector = FloatingBus;
            }
            else
            {
                var slaveLevel = _slave.Acknowledge();
                vector = _slave.VectorBase | (slaveLevel < 0 ? PicWiring.DefaultLevel : slaveLevel);
                _master.SetLine(PicWiring.Cascade, false);
            }

            LowerIntr();
            DriveOutputs();
            return (byte)vector;
        }
    }

    /// <inheritdoc/>
    public void Reset()
    {
        lock (_lock)
        {
            _master.Reset();
            _slave.Reset();
            ForceOutputs();
        }
    }

    /// <inheritdoc/>
    public void Save(StateWriter writer)
    {
        lock (_lock)
        {
            writer.Begin(Name, StateVersion);
            _master.Save(writer);
            _slave.Save(writer);
        }
    }

    /// <inheritdoc/>
    public void Load(StateReader reader)
    {
        lock (_lock)
        {
            reader.Begin(Name, StateVersion);
            _master.Load(reader);
            _slave.Load(reader);
            ForceOutputs();
        }
    }

    private void SetLine(int irq, bool asserted)
    {
        lock (_lock)
        {
            (irq < PicWiring.LinesPerChip ? _master : _slave).SetLine(irq % PicWiring.LinesPerChip, asserted);
            DriveOutputs();
        }
    }

    private byte Read(Bank bank, int port)
    {
        if (bank == Bank.EdgeLevel)
        {
            return (port == 0 ? _master : _slave).LevelTriggered;
        }

        // A poll is an acknowledge: INT falls.
        var chip = bank == Bank.Master ? _master : _slave;
        var polled = chip.PollPending;
        var value = chip.Read(port);
        if (polled && bank == Bank.Slave)
        {
            _master.SetLine(PicWiring.Cascade, false);
        }
        else if (polled)
        {
            LowerIntr();
        }

        DriveOutputs();
        return value;
    }

    private void Write(Bank bank, int port, byte value)
    {
        switch (bank)
        {
            case Bank.Master:
                _master.Write(port, value);
                break;
            case Bank.Slave:
                _slave.Write(port, value);
                break;
            default:
                (port == 0 ? _master : _slave).LevelTriggered = value;
                break;
        }

        DriveOutputs();
    }

    /// <summary>INTR falls in the acknowledge cycle, so a further request is a further edge for an input that takes edges.</summary>
    private void LowerIntr()
    {
        if (_intrLevel)
        {
            _intrLevel = false;
            _intr.Set(false);
        }
    }

    private void DriveOutputs()
    {
        _master.SetLine(PicWiring.Cascade, _slave.Int);
        var level = _master.Int;
        if (level != _intrLevel)
        {
            _intrLevel = level;
            _intr.Set(level);
        }
    }

    private void ForceOutputs()
    {
        _master.SetLine(PicWiring.Cascade, _slave.Int);
        _intrLevel = _master.Int;
        _intr.Set(_intrLevel);
    }

    private sealed class Line(Pic8259Pair pair, int irq) : IInterruptLine
    {
        public void Set(bool asserted) => pair.SetLine(irq, asserted);
    }

    private sealed class Ports(Pic8259Pair pair, string name, Bank bank) : IBusDevice
    {
        public string Name => name;

        public IoStatus Read(ulong offset, Span<byte> data)
        {
            if (offset >= RegionSize)
            {
                return IoStatus.Unclaimed;
            }

            lock (pair._lock)
            {
                for (var i = 0; i < data.Length; i++)
                {
                    data[i] = offset + (ulong)i < RegionSize ? pair.Read(bank, (int)offset + i) : FloatingBus;
                }
            }

            return IoStatus.Ok;
        }

        public IoStatus Write(ulong offset, ReadOnlySpan<byte> data)
        {
            if (offset >= RegionSize)
            {
                return IoStatus.Unclaimed;
            }

            lock (pair._lock)
            {
                for (var i = 0; i < data.Length && offset + (ulong)i < RegionSize; i++)
                {
                    pair.Write(bank, (int)offset + i, data[i]);
                }
            }

            return IoStatus.Ok;
        }
    }
}
