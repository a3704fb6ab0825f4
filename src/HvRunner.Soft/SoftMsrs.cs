using HvRunner.Abstractions;

namespace HvRunner.Soft;

/// <summary>What became of a write to a model-specific register.</summary>
internal enum MsrWrite
{
    /// <summary>No such register here: the machine may have it.</summary>
    Unknown,

    /// <summary>The register has the value.</summary>
    Taken,

    /// <summary>The register does not take this value: #GP(0).</summary>
    Refused,
}

/// <summary>
/// The model-specific registers of one vCPU (SDM vol. 4; AMD APM vol. 2, appendix A): those that the processor works with, and those that a kernel of
/// today reads or sets without asking whether they are there. MTRRs and PAT are kept and have no effect, as all guest memory is the host's cached
/// memory. The local APIC's registers are the machine's. Deliberately absent: performance counters, machine checks, branch records, thermal control.
/// </summary>
/// <param name="state">The processor, whose registers some of them are.</param>
/// <param name="nowNs">Guest time.</param>
/// <param name="originNs">Guest time at which the time stamp counters of all the machine's vCPUs are 0.</param>
internal sealed class SoftMsrs(ProcessorState state, Func<long> nowNs, long originNs)
{
    /// <summary>IA32_APIC_BASE: read here, written by way of the machine, whose local APIC it moves.</summary>
    internal const uint ApicBase = 0x1b;

    /// <summary>The time-stamp counter's rate: a count is a nanosecond of guest time.</summary>
    internal const long TimestampHz = 1_000_000_000;

    /// <summary>Bit 11 of IA32_APIC_BASE: the local APIC is on.</summary>
    internal const ulong ApicEnabled = 0x800;

    private const uint TimeStampCounter = 0x10;
    private const uint TscAdjust = 0x3b;
    private const uint MicrocodeRevision = 0x8b;
    private const uint MiscEnable = 0x1a0;
    private const uint DebugControl = 0x1d9;
    private const uint SysenterCs = 0x174;
    private const uint SysenterEsp = 0x175;
    private const uint SysenterEip = 0x176;
    private const uint MachineCheckCapability = 0x179;
    private const uint MachineCheckStatus = 0x17a;
    private const uint Xss = 0xda0;
    private const uint Efer = 0xc000_0080;
    private const uint Star = 0xc000_0081;
    private const uint Lstar = 0xc000_0082;
    private const uint Cstar = 0xc000_0083;
    private const uint Fmask = 0xc000_0084;
    private const uint FsBase = 0xc000_0100;
    private const uint GsBase = 0xc000_0101;
    private const uint KernelGsBase = 0xc000_0102;
    private const uint TscAux = 0xc000_0103;
    private const uint AmdSystemConfiguration = 0xc001_0010;
    private const uint AmdHardwareConfiguration = 0xc001_0015;
    private const uint AmdInterruptPending = 0xc001_0055;

    private const ulong FastStrings = 1;

    // The counter starts at 0 with the machine.
    private readonly MemoryTypeRegisters _memoryTypes = new();
    private ulong _tscOffset = unchecked((ulong)-originNs);
    private ulong _tscAdjust;
    private ulong _miscEnable = FastStrings;
    private ulong _debugControl;
    private ulong _machineCheckStatus;
    private ulong _sysenterCs;
    private ulong _sysenterEsp;
    private ulong _sysenterEip;
    private ulong _star;
    private ulong _lstar;
    private ulong _cstar;
    private ulong _fmask;
    private ulong _kernelGsBase;
    private ulong _tscAux;
    private ulong _amdHardwareConfiguration;

    /// <summary>Called when the time-stamp counter was set.</summary>
    internal Action? TimestampMoved { get; set; }

    /// <summary>The time-stamp counter, on guest time.</summary>
    internal ulong Timestamp => unchecked((ulong)nowNs() + _tscOffset);

    /// <summary>When the counter reaches <paramref name="timestamp"/>, in guest time; <see cref="long.MaxValue"/> for never.</summary>
    internal long DeadlineNs(ulong timestamp)
    {
        var now = nowNs();
        var counter = unchecked((ulong)now + _tscOffset);
        var left = timestamp > counter ? timestamp - counter : 0;
        return left > (ulong)(long.MaxValue - now) ? long.MaxValue : now + (long)left;
    }

    internal bool TryRead(uint index, out ulong value)
    {
        switch (index)
        {
            case TimeStampCounter: value = Timestamp; return true;
            case ApicBase: value = state.ApicBase; return true;
            case TscAdjust: value = _tscAdjust; return true;
            case MiscEnable: value = _miscEnable; return true;
            case DebugControl: value = _debugControl; return true;
            case SysenterCs: value = _sysenterCs; return true;
            case SysenterEsp: value = _sysenterEsp; return true;
            case SysenterEip: value = _sysenterEip; return true;
            case MachineCheckStatus: value = _machineCheckStatus; return true;
            case Efer: value = state.Efer; return true;
            case Star: value = _star; return true;
            case Lstar: value = _lstar; return true;
            case Cstar: value = _cstar; return true;
            case Fmask: value = _fmask; return true;
            case FsBase: value = state[SegmentName.Fs].Base; return true;
            case GsBase: value = state[SegmentName.Gs].Base; return true;
            case KernelGsBase: value = _kernelGsBase; return true;
            case TscAux: value = _tscAux; return true;
            case AmdHardwareConfiguration: value = _amdHardwareConfiguration; return true;
            case MicrocodeRevision or MachineCheckCapability or Xss or AmdSystemConfiguration or AmdInterruptPending:
                value = 0;
                return true;
            default:
                return _memoryTypes.TryRead(index, out value);
        }
    }

    internal MsrWrite TryWrite(uint index, ulong value)
    {
        switch (index)
        {
            case TimeStampCounter:
                MoveCounter(unchecked(value - Timestamp));
                return MsrWrite.Taken;
            case TscAdjust:
                MoveCounter(unchecked(value - _tscAdjust));
                return MsrWrite.Taken;
            case Efer: return Set(ref state.Efer, value);
            case FsBase: return SetBase(SegmentName.Fs, value);
            case GsBase: return SetBase(SegmentName.Gs, value);
            case MiscEnable: return Set(ref _miscEnable, value);
            case DebugControl: return Set(ref _debugControl, value, 0x3);
            case MachineCheckStatus: return Set(ref _machineCheckStatus, value, 0);
            case SysenterCs: return Set(ref _sysenterCs, value);
            case SysenterEsp: return SetAddress(ref _sysenterEsp, value);
            case SysenterEip: return SetAddress(ref _sysenterEip, value);
            case Star: return Set(ref _star, value);
            case Lstar: return SetAddress(ref _lstar, value);
            case Cstar: return SetAddress(ref _cstar, value);
            case Fmask: return Set(ref _fmask, value, uint.MaxValue);
            case KernelGsBase: return SetAddress(ref _kernelGsBase, value);
            case TscAux: return Set(ref _tscAux, value, uint.MaxValue);
            case AmdHardwareConfiguration: return Set(ref _amdHardwareConfiguration, value, uint.MaxValue);
            case Xss: return value == 0 ? MsrWrite.Taken : MsrWrite.Refused;
            case MicrocodeRevision:
                // Written before CPUID is asked for a revision; there is no microcode.
                return MsrWrite.Taken;
            case MachineCheckCapability or AmdSystemConfiguration or AmdInterruptPending:
                return value == 0 ? MsrWrite.Taken : MsrWrite.Refused;
            default:
                return _memoryTypes.TryWrite(index, value);
        }
    }

    private static MsrWrite Set(ref ulong register, ulong value, ulong allowed = ulong.MaxValue)
    {
        if ((value & ~allowed) != 0)
        {
            return MsrWrite.Refused;
        }

        register = value;
        return MsrWrite.Taken;
    }

    private static MsrWrite SetAddress(ref ulong register, ulong value)
    {
        if (!IsCanonical(value))
        {
            return MsrWrite.Refused;
        }

        register = value;
        return MsrWrite.Taken;
    }

    private static bool IsCanonical(ulong address) => (ulong)((long)(address << 16) >> 16) == address;

    private MsrWrite SetBase(SegmentName segment, ulong value)
    {
        if (!IsCanonical(value))
        {
            return MsrWrite.Refused;
        }

        state[segment].Base = value;
        return MsrWrite.Taken;
    }

    /// <summary>IA32_TSC_ADJUST counts every change of the counter, whichever register it was made through (SDM vol. 3B, 17.17.3).</summary>
    private void MoveCounter(ulong by)
    {
        _tscOffset = unchecked(_tscOffset + by);
        _tscAdjust = unchecked(_tscAdjust + by);
        TimestampMoved?.Invoke();
    }
}
