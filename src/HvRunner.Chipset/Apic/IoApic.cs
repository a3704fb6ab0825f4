// The IO-APIC: Intel 82093AA data sheet, as version 0x20 of its successors, with 24 pins and an EOI register.
//
// Each pin has an entry that says which message it sends. An edge-triggered one sends when its pin becomes active; while it is masked the edge is
// lost. A level-triggered one sends while its pin is active and remote IRR is clear; remote IRR is set when a local APIC takes the message and
// cleared by the EOI of the entry's vector, broadcast or written to the EOI register, whereupon a pin that is still active sends again. What a local
// APIC does not take is not tried again before something about the pin changes.
//
// Where the data sheet leaves a choice: ExtINT follows the level of INTR, so that unmasking it with INTR up sends; SMI, NMI, INIT and ExtINT are edges
// whatever the trigger mode says; a message is sent at once, so delivery status is always idle; the arbitration id is the id; reserved indices
// read 0; only whole 32-bit accesses to the three registers are taken. Polarity is honoured, which KVM's own IO-APIC does not: a wire that is
// asserted is high, and the tables that describe the machine have to say so.
//
// Threats: an EOI makes a pin send at most once, and a message never ends an interrupt, so nothing recurses; a guest that never serves a level pays with its own
// EOIs. Writes go to 8-bit indices, which are checked against the number of entries.

using System.Buffers.Binary;
using HvRunner.Abstractions;

namespace HvRunner.Chipset.Apic;

/// <summary>
/// The IO-APIC. Its registers are for vCPU threads, wires and <see cref="EndOfInterrupt"/> for any thread. Messages are sent with its lock held, so that an
/// EOI cannot overtake what it ends.
/// </summary>
public sealed class IoApic : IBusDevice, IStateful, IEndOfInterruptSink
{
    /// <summary>Size of the region in bytes.</summary>
    public const int RegionSize = 0x100;

    /// <summary>Inputs, and entries.</summary>
    public const int PinCount = 24;

    private const byte StateVersion = 1;

    // Wiring.
    private readonly IMsiTarget _target;
    private readonly ILevelRoutes? _routes;
    private readonly Pin[] _pins = new Pin[PinCount];
    private readonly Lock _lock = new();

    // Volatile state.
    private byte _select;
    private uint _id;

    /// <summary>Makes the IO-APIC in its power-on state: every entry masked.</summary>
    /// <param name="target">Where the pins' messages go: the bus of the local APICs, or the hypervisor where those are its own.</param>
    /// <param name="routes">Is told what level-triggered pins send, where that is needed to hear their EOIs.</param>
    public IoApic(IMsiTarget target, ILevelRoutes? routes = null)
    {
        _target = target;
        _routes = routes;
        for (var i = 0; i < _pins.Length; i++)
        {
            _pins[i] = new Pin(this, i);
        }
    }

    /// <inheritdoc/>
    public string Name => "ioapic";

    /// <summary>An unmasked entry of a pin that somebody drives sends NMI or INIT: it can wake a processor that has its interrupts off. Any thread.</summary>
    public bool CanWakeWithInterruptsOff
    {
        get
        {
            lock (_lock)
            {
                foreach (var pin in _pins)
                {
                    if (pin is { IsConnected: true, Entry: { Masked: false, Mode: DeliveryMode.Nmi or DeliveryMode.Init } })
                    {
                        return true;
                    }
                }

                return false;
            }
        }
    }

    /// <summary>The wire of an input, 0 to 23.</summary>
    public IInterruptLine GetLine(int pin)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(pin);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(pin, PinCount);
        return _pins[pin].Connect();
    }

    /// <inheritdoc/>
    public IoStatus Read(ulong offset, Span<byte> data)
    {
        if (Check(offset, data.Length) is not IoStatus.Ok and var refused)
        {
            return refused;
        }

        uint value;
        lock (_lock)
        {
            value = offset switch
            {
                IoApicRegister.Select => _select,
                IoApicRegister.Window => ReadSelected(),
                _ => 0,
            };
        }

        BinaryPrimitives.WriteUInt32LittleEndian(data, value);
        return IoStatus.Ok;
    }

    /// <inheritdoc/>
    public IoStatus Write(ulong offset, ReadOnlySpan<byte> data)
    {
        if (Check(offset, data.Length) is not IoStatus.Ok and var refused)
        {
            return refused;
        }

        var value = BinaryPrimitives.ReadUInt32LittleEndian(data);
        switch (offset)
        {
            case IoApicRegister.Select:
                lock (_lock)
                {
                    _select = (byte)value;
                }

                break;
            case IoApicRegister.Window:
                lock (_lock)
                {
                    WriteSelected(value);
                }

                break;
            default:
                EndOfInterrupt((byte)value);
                break;
        }

        return IoStatus.Ok;
    }

    /// <inheritdoc/>
    public void EndOfInterrupt(byte vector)
    {
        lock (_lock)
        {
            foreach (var pin in _pins)
            {
                if (pin.Entry.RemoteIrr && pin.Entry.Vector == vector)
                {
                    pin.Entry = pin.Entry.WithRemoteIrr(false);
                    Evaluate(pin);
                }
            }
        }
    }

    /// <inheritdoc/>
    public void Reset()
    {
        lock (_lock)
        {
            _select = 0;
            _id = 0;
            foreach (var pin in _pins)
            {
                pin.Entry = RedirectionEntry.PowerOn;
                pin.ForgetEdges();
            }
        }
    }

    /// <inheritdoc/>
    public void Save(StateWriter writer)
    {
        lock (_lock)
        {
            writer.Begin(Name, StateVersion);
            writer.Byte(_select);
            writer.UInt32(_id);
            foreach (var pin in _pins)
            {
                writer.UInt64(pin.Entry.Value);
                writer.Bool(pin.Level);
            }
        }
    }

    /// <inheritdoc/>
    public void Load(StateReader reader)
    {
        lock (_lock)
        {
            reader.Begin(Name, StateVersion);
            _select = reader.Byte();
            _id = reader.UInt32() & IoApicRegister.IdMask;
            foreach (var pin in _pins)
            {
                pin.Entry = RedirectionEntry.Of(reader.UInt64());
                pin.Level = reader.Bool();
                pin.ForgetEdges();
                TellRoute(pin);
            }
        }
    }

    private static IoStatus Check(ulong offset, int width) => offset switch
    {
        IoApicRegister.Select or IoApicRegister.Window or IoApicRegister.EndOfInterrupt => width == sizeof(uint) ? IoStatus.Ok : IoStatus.BadAccess,
        < IoApicRegister.EndOfInterrupt + sizeof(uint) when offset % IoApicRegister.Window < sizeof(uint) => IoStatus.BadAccess,
        _ => IoStatus.Unclaimed,
    };

    private uint ReadSelected()
    {
        var entry = _select - IoApicRegister.FirstEntry;
        return _select switch
        {
            IoApicRegister.Id or IoApicRegister.ArbitrationId => _id,
            IoApicRegister.Version => IoApicRegister.VersionValue,
            _ => entry is >= 0 and < 2 * PinCount ? (uint)(_pins[entry / 2].Entry.Value >> (32 * (entry % 2))) : 0,
        };
    }

    private void WriteSelected(uint value)
    {
        var entry = _select - IoApicRegister.FirstEntry;
        if (_select == IoApicRegister.Id)
        {
            _id = value & IoApicRegister.IdMask;
        }
        else if (entry is >= 0 and < 2 * PinCount)
        {
            var pin = _pins[entry / 2];
            pin.Entry = pin.Entry.WithHalf(entry % 2 != 0, value);
            TellRoute(pin);
            Evaluate(pin);
        }
    }

    private void TellRoute(Pin pin)
    {
        if (_routes is not null && pin.Entry is { Masked: false, LevelTriggered: true } entry)
        {
            _routes.Set(pin.Number, entry.ToMessage());
        }
    }

    private void Evaluate(Pin pin)
    {
        var entry = pin.Entry;
        if (!pin.TakeEdge() && !(entry.LevelTriggered && pin.Active && !entry.RemoteIrr))
        {
            return;
        }

        if (!entry.Masked && !entry.RemoteIrr && _target.Send(entry.ToMessage()) && entry.LevelTriggered)
        {
            pin.Entry = entry.WithRemoteIrr(true);
        }
    }

    private sealed class Pin(IoApic owner, int number) : IInterruptLine
    {
        public int Number => number;

        /// <summary>Somebody holds the wire, so it may move.</summary>
        public bool IsConnected { get; private set; }

        public RedirectionEntry Entry { get; set; } = RedirectionEntry.PowerOn;

        /// <summary>The wire.</summary>
        public bool Level { get; set; }

        /// <summary>The wire, seen through the entry's polarity, when it was last looked at.</summary>
        public bool Active { get; private set; }

        /// <summary>INTR is up and the entry lets it through: what ExtINT takes the edge of.</summary>
        private bool External { get; set; }

        public Pin Connect()
        {
            IsConnected = true;
            return this;
        }

        public void Set(bool asserted)
        {
            lock (owner._lock)
            {
                if (asserted != Level)
                {
                    Level = asserted;
                    owner.Evaluate(this);
                }
            }
        }

        /// <summary>Looks at the wire; true when it has become active since the last look.</summary>
        public bool TakeEdge()
        {
            var (wasActive, wasExternal) = (Active, External);
            ForgetEdges();
            return Entry.Mode == DeliveryMode.ExtInt ? External && !wasExternal : Active && !wasActive;
        }

        /// <summary>A wire that is up now counts as having been up and as having been seen to.</summary>
        public void ForgetEdges()
        {
            Active = Level != Entry.ActiveLow;
            External = Active && Entry is { Masked: false, Mode: DeliveryMode.ExtInt };
        }
    }
}
