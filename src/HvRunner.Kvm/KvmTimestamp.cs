using System.Diagnostics;
using HvRunner.Kvm.Interop;
using static HvRunner.Kvm.Interop.KvmConstants;

namespace HvRunner.Kvm;

/// <summary>
/// The time-stamp counter of one vCPU. KVM tells it to nobody while the vCPU is in KVM_RUN, so the vCPU's thread reads it now and then, and everybody else is answered
/// out of a <see cref="TimestampModel"/>. It also moves the counter when the guest writes it: KVM would do that unseen.
/// </summary>
internal sealed unsafe class KvmTimestamp
{
    internal const uint CounterMsr = 0x10;
    internal const uint AdjustMsr = 0x3b;
    private const int MostReadings = 3;
    private const long MeasuringNs = 1_000_000;

    private readonly int _vcpu;
    private readonly TimestampModel _model;
    private long _narrowNs;

    /// <summary>Reads the counter of a vCPU that does not run yet. Throws <see cref="Abstractions.HypervisorException"/>.</summary>
    /// <param name="vcpu">Its descriptor, which stays the caller's.</param>
    internal KvmTimestamp(int vcpu)
    {
        _vcpu = vcpu;
        var first = Read();
        var kilohertz = KvmCall.ThrowOnError(vcpu, KVM_GET_TSC_KHZ, 0, "KVM_GET_TSC_KHZ");
        _model = new TimestampModel(kilohertz > 0 ? (uint)kilohertz : MeasureKilohertz(first), first);
    }

    /// <summary>What the counter is now, or a little less. Any thread.</summary>
    internal ulong Now => _model.CounterAt(NowNs);

    /// <summary>The clock of a machine's timer queue on Linux.</summary>
    private static long NowNs => Stopwatch.GetTimestamp();

    /// <summary>When it is at least so much. Any thread.</summary>
    internal long DeadlineNs(ulong timestamp) => _model.DeadlineNs(timestamp);

    /// <summary>Reads the counter, for better answers from now on. The vCPU's thread.</summary>
    internal void Sample() => _model.Add(Read());

    /// <summary>The guest writes the counter; false when KVM does not let it. The vCPU's thread.</summary>
    internal bool TrySet(ulong value)
    {
        var by = value - Read().Counter;
        if (!TryMove(by))
        {
            return false;
        }

        // It holds the sum of all moves, on a processor that has it.
        if (KvmMsr.TryGet(_vcpu, AdjustMsr, out var adjust))
        {
            _ = KvmMsr.TrySet(_vcpu, AdjustMsr, adjust + by);
        }

        return true;
    }

    /// <summary>The guest writes IA32_TSC_ADJUST, and the counter moves by as much as that does; false when KVM does not let it. The vCPU's thread.</summary>
    internal bool TryAdjust(ulong value) =>
        KvmMsr.TryGet(_vcpu, AdjustMsr, out var adjust) && TryMove(value - adjust) && KvmMsr.TrySet(_vcpu, AdjustMsr, value);

    private bool TryMove(ulong by)
    {
        ulong offset;
        var isMoved = TryTransfer(KVM_GET_DEVICE_ATTR, &offset);
        offset += by;

        // Before Linux 5.16 only the host's write is left, which KVM takes for an attempt to make the vCPUs' counters the same where it is not far off.
        isMoved = (isMoved && TryTransfer(KVM_SET_DEVICE_ATTR, &offset)) || KvmMsr.TrySet(_vcpu, CounterMsr, Read().Counter + by);
        _model.Restart(Read());
        return isMoved;
    }

    /// <summary>
    /// The counter between two looks at the clock. Where these are far apart for this host the thread was held up in between, and it is read again.
    /// </summary>
    private TimestampReading Read()
    {
        var best = ReadOnce();
        for (var i = 1; i < MostReadings && best.WidthNs > 2 * _narrowNs; i++)
        {
            var again = ReadOnce();
            best = again.WidthNs < best.WidthNs ? again : best;
        }

        // Slowly forgotten: a host may become slower for good.
        _narrowNs = _narrowNs == 0 ? best.WidthNs : Math.Min(best.WidthNs, _narrowNs + (_narrowNs / 8) + 1);
        return best;
    }

    private TimestampReading ReadOnce()
    {
        var before = NowNs;
        var isRead = KvmMsr.TryGet(_vcpu, CounterMsr, out var counter);
        var after = NowNs;
        return isRead ? new TimestampReading(before, counter, after) : throw KvmCall.Refused("KVM_GET_MSRS of the time-stamp counter");
    }

    /// <summary>For a host that does not know. Once, and by looking on, which is over sooner than a sleep.</summary>
    private uint MeasureKilohertz(TimestampReading first)
    {
        TimestampReading last;
        do
        {
            last = ReadOnce();
        }
        while (last.BeforeNs - first.AfterNs < MeasuringNs);

        return (uint)Math.Clamp((last.Counter - first.Counter) * 1_000_000.0 / (last.BeforeNs - first.BeforeNs), 1, int.MaxValue);
    }

    /// <summary>What KVM adds to the host's counter, there or back.</summary>
    private bool TryTransfer(ulong request, ulong* offset)
    {
        var attribute = new kvm_device_attr { group = KVM_VCPU_TSC_CTRL, attr = KVM_VCPU_TSC_OFFSET, addr = (ulong)offset };
        return KvmCall.Try(_vcpu, request, (nint)(&attribute)) >= 0;
    }
}
