// The local APIC of one processor, in xAPIC and x2APIC mode: Intel SDM volume 3A, chapter "Advanced Programmable Interrupt Controller (APIC)".
//
// A fixed interrupt sets its vector's bit in the IRR. The processor takes the highest one whose class (vector bits 7:4) is above that of the
// PPR, which moves it to the ISR; EOI takes the highest out of the ISR. ExtINT goes around all that: while the 8259 holds LINT0 up, its
// vector is next. NMIs are one bit. The processor's thread takes what is deliverable in one step, so an interrupt never vanishes
// between request and acknowledge and the spurious vector is never used.
//
// Where the SDM leaves a choice: reserved registers read 0 and set the ESR's bit 7, read-only ones ignore writes; APR and RRD are as
// in processors since the Pentium 4, read as 0 without an error; other widths and alignments than 32 bits at steps of 16 are
// refused; an error raises the error interrupt once until ESR is written; a level-triggered LINT1 is edge-triggered; software-disabled,
// what is in IRR and ISR stays deliverable. Clearing the enable bit of IA32_APIC_BASE puts the registers into their reset state and
// connects LINT0 to INTR and LINT1 to NMI.
//
// Power-on is the SDM's: software-disabled, every LVT entry masked, so no 8259 interrupt passes. A PC's firmware leaves "virtual wire" mode
// instead: ConfigureVirtualWire. A Linux that finds neither MADT nor MP table sets the same itself before it unmasks an 8259 input, and
// keeps the 8259 (its APIC_VIRTUAL_WIRE_NO_CONFIG); older and smaller systems rely on the firmware. KVM's in-kernel APIC takes 8259
// interrupts when LVT0 is unmasked ExtINT or the APIC is off in IA32_APIC_BASE; it resets LVT0 to 0x700 on the first
// processor with SVR still 0xff, so that it passes them software-disabled, which no register write could bring about.
//
// Absent: SMI (counted and dropped), the remote read, focus processor checking (the bit is storage). No thermal sensor, no performance counter
// and no machine check stands behind their entries.
//
// Threats: the guest writes any register in any order. Vectors index 256-bit sets by a byte; an error interrupt with an illegal vector logs
// a bit and does not recurse; a level-triggered pin is raised again only after an EOI; the timer coalesces (LocalApicTimer). Calls
// that leave this object are made without its lock, except arming its timer.

using System.Buffers.Binary;
using HvRunner.Abstractions;

namespace HvRunner.Chipset.Apic;

/// <summary>
/// One processor's local APIC. The register page, <see cref="TryAcknowledge"/>, <see cref="TryTakeNonMaskable"/> and <see cref="TaskPriority"/>
/// are for its vCPU's thread, wires and messages for any thread; its timer expires on the queue's thread.
/// </summary>
public sealed partial class LocalApic : IBusDevice, IStateful, IDisposable
{
    /// <summary>Size of the register page in bytes.</summary>
    public const int RegionSize = 4096;

    /// <summary>The timer's input when nothing else is said: one tick a nanosecond, as KVM's local APIC.</summary>
    public const long DefaultBusFrequencyHz = 1_000_000_000;

    private const int RegisterStep = 16;

    // Configuration.
    private readonly byte _initialId;
    private readonly bool _isBootstrap;
    private readonly ulong _addressMask;
    private readonly bool _hasX2Apic;

    // Wiring.
    private readonly ITimerQueue _queue;
    private readonly ILocalApicSignal _signal;
    private readonly IInterruptAcknowledge? _acknowledge;
    private readonly IEndOfInterruptSink? _endOfInterrupt;
    private readonly IProcessorStart? _start;
    private readonly ApicBus? _bus;
    private readonly IGuestTsc? _tsc;
    private readonly IDeadlineTimer _deadline;
    private readonly Pin[] _pins;
    private readonly Lock _lock = new();

    // Volatile state.
    private readonly Lvt[] _lvt = new Lvt[(int)LvtIndex.Count];
    private readonly LocalApicTimer _timer;
    private ulong _base;
    private uint _id;
    private byte _taskPriority;
    private uint _logicalDestination;
    private uint _destinationFormat;
    private SpuriousVectorRegister _spuriousVector;
    private VectorSet _isr;
    private VectorSet _tmr;
    private VectorSet _irr;
    private ApicErrors _errorStatus;
    private ApicErrors _loggedErrors;
    private Icr _icr;
    private bool _nonMaskable;
    private bool _externalMessage;
    private bool _initPending;
    private bool _waitsForStartUp;
    private int _startUpVector = -1;
    private long _systemManagementInterrupts;

    // Within one call: what to tell others once the lock is left.
    private bool _wake;
    private bool _startChanged;
    private int _ended = -1;
    private InterruptMessage? _outgoing;
    private long? _armedNs;

    /// <summary>Makes the APIC in its power-on state.</summary>
    /// <param name="id">Its initial APIC id; 0 is the bootstrap processor's.</param>
    /// <param name="timers">Guest time.</param>
    /// <param name="signal">Is told when something deliverable may have appeared; as an <see cref="IProcessorStart"/>, of INIT and SIPI too.</param>
    /// <param name="acknowledge">Gives the vector of an external interrupt (ExtINT); without it those are never deliverable.</param>
    /// <param name="endOfInterrupt">Hears the EOI of level-triggered interrupts; the bus, when nothing else is said.</param>
    /// <param name="tsc">The processor's time stamp counter; without it there is no TSC-deadline mode.</param>
    /// <param name="busFrequencyHz">The timer's input frequency, before its divider.</param>
    /// <param name="physicalAddressBits">Width of an address in IA32_APIC_BASE, 36 to 52.</param>
    /// <param name="bus">Where IPIs go and messages come from, to which the APIC attaches itself; without it an IPI reaches this processor alone.</param>
    /// <param name="x2Apic">Whether there is an x2APIC mode: CPUID leaf 1, ECX bit 21 must say the same.</param>
    public LocalApic(
        int id,
        ITimerQueue timers,
        ILocalApicSignal signal,
        IInterruptAcknowledge? acknowledge = null,
        IEndOfInterruptSink? endOfInterrupt = null,
        IGuestTsc? tsc = null,
        long busFrequencyHz = DefaultBusFrequencyHz,
        int physicalAddressBits = 52,
        ApicBus? bus = null,
        bool x2Apic = false)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(id);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(id, LocalApicLimits.BroadcastId);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(busFrequencyHz);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(busFrequencyHz, LocalApicTimer.MaximumFrequencyHz);
        ArgumentOutOfRangeException.ThrowIfLessThan(physicalAddressBits, 36);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(physicalAddressBits, 52);
        _initialId = (byte)id;
        _isBootstrap = id == 0;
        _addressMask = ((1UL << physicalAddressBits) - 1) & ~ApicBaseBits.AddressLow;
        Name = $"apic{id}";
        _queue = timers;
        _signal = signal;
        _acknowledge = acknowledge;
        _endOfInterrupt = endOfInterrupt ?? bus;
        _start = signal as IProcessorStart;
        _bus = bus;
        _hasX2Apic = x2Apic;
        _tsc = tsc;
        _timer = new LocalApicTimer(busFrequencyHz, tsc);
        _pins = [new Pin(this, LvtIndex.Lint0), new Pin(this, LvtIndex.Lint1)];
        _deadline = timers.CreateTimer(OnDeadline);
        Reset();
        bus?.Attach(this);
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <summary>Whether there is a TSC-deadline mode: CPUID leaf 1, ECX bit 24 must say the same.</summary>
    public bool HasTscDeadline => _tsc is not null;

    /// <summary>The LINT0 pin: INTR of the 8259 pair on the bootstrap processor. Taking it counts as wiring it.</summary>
    public IInterruptLine Lint0 => _pins[0].Connect();

    /// <summary>The LINT1 pin: the board's NMI. Taking it counts as wiring it.</summary>
    public IInterruptLine Lint1 => _pins[1].Connect();

    /// <summary>IA32_APIC_BASE. Bits 12 and up are where the page is while <see cref="HasPage"/>.</summary>
    public ulong ApicBase
    {
        get
        {
            lock (_lock)
            {
                return _base;
            }
        }
    }

    /// <summary>The enable bit of IA32_APIC_BASE; without it CPUID leaf 1 should not show an APIC.</summary>
    public bool IsEnabled => (ApicBase & ApicBaseBits.Enable) != 0;

    /// <summary>The registers are a page in memory: xAPIC mode.</summary>
    public bool HasPage => ApicBaseBits.Mode(ApicBase) == ApicMode.XApic;

    /// <summary>Whether there is an x2APIC mode: CPUID leaf 1, ECX bit 21 must say the same.</summary>
    public bool HasX2Apic => _hasX2Apic;

    private ApicMode Mode => ApicBaseBits.Mode(_base);

    private bool Enabled => Mode != ApicMode.Disabled;

    private ulong BaseWritable => _addressMask | ApicBaseBits.Bootstrap | ApicBaseBits.Enable | (_hasX2Apic ? ApicBaseBits.X2Apic : 0);

    /// <summary>WRMSR to IA32_APIC_BASE; false is #GP: a reserved bit, or a change of mode that is none.</summary>
    public bool TrySetApicBase(ulong value)
    {
        if ((value & ~BaseWritable) != 0)
        {
            return false;
        }

        Effects effects;
        lock (_lock)
        {
            var (from, to) = (Mode, ApicBaseBits.Mode(value));
            if (!ApicBaseBits.CanChange(from, to))
            {
                return false;
            }

            _base = value;
            if (to == ApicMode.Disabled && from != ApicMode.Disabled)
            {
                ResetRegisters();
            }
            else if (to == ApicMode.X2Apic && from == ApicMode.XApic)
            {
                // The id is the initial one in this mode, and the wider destination has never been written.
                _icr = _icr with { High = 0 };
            }

            EvaluatePins();
            effects = TakeEffects();
        }

        Emit(effects);
        return true;
    }

    /// <summary>What a PC's firmware leaves on the bootstrap processor: enabled, LINT0 takes the 8259's interrupts, LINT1 is NMI.</summary>
    public void ConfigureVirtualWire()
    {
        Effects effects;
        lock (_lock)
        {
            _spuriousVector = new SpuriousVectorRegister(_spuriousVector.Value | SpuriousVectorRegister.EnableBit);
            _lvt[(int)LvtIndex.Lint0] = Lvt.ExternalInterrupt;
            _lvt[(int)LvtIndex.Lint1] = Lvt.NonMaskable;
            EvaluatePins();
            effects = TakeEffects();
        }

        Emit(effects);
    }

    /// <inheritdoc/>
    public IoStatus Read(ulong offset, Span<byte> data)
    {
        if (offset >= RegionSize)
        {
            return IoStatus.Unclaimed;
        }

        uint value;
        Effects effects;
        lock (_lock)
        {
            if (Mode != ApicMode.XApic)
            {
                return IoStatus.Unclaimed;
            }

            if (offset % RegisterStep != 0 || data.Length != sizeof(uint))
            {
                return IoStatus.BadAccess;
            }

            value = ReadRegister((int)offset);
            effects = TakeEffects();
        }

        Emit(effects);
        BinaryPrimitives.WriteUInt32LittleEndian(data, value);
        return IoStatus.Ok;
    }

    /// <inheritdoc/>
    public IoStatus Write(ulong offset, ReadOnlySpan<byte> data)
    {
        if (offset >= RegionSize)
        {
            return IoStatus.Unclaimed;
        }

        Effects effects;
        lock (_lock)
        {
            if (Mode != ApicMode.XApic)
            {
                return IoStatus.Unclaimed;
            }

            if (offset % RegisterStep != 0 || data.Length != sizeof(uint))
            {
                return IoStatus.BadAccess;
            }

            WriteRegister((int)offset, BinaryPrimitives.ReadUInt32LittleEndian(data));
            effects = TakeEffects();
        }

        Emit(effects);
        return IoStatus.Ok;
    }

    /// <summary>Takes the timer back for good.</summary>
    public void Dispose() => _deadline.Dispose();
}
