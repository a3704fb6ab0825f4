// How late a deadline of the local APIC's timer sets its bit in the IRR, against how late a timerfd is by itself. Deadlines a millisecond ahead, in turn
// two hundred by each, so that what else the machine does meets both alike. Prints for each side of each round: its name, median and 99th percentile in ns.
using System.Diagnostics;
using System.Globalization;
using HvRunner.Chipset.Apic;
using HvRunner.Host;
using HvRunner.Host.Interop;
using static HvRunner.Host.Interop.LibcConstants;

namespace HvRunner.Bench;

internal static unsafe class DeadlineLateness
{
    private const int Rounds = 15;
    private const int DeadlinesARound = 200;
    private const long Millisecond = 1_000_000;
    private const byte Vector = 0x60;

    internal static void Measure()
    {
        using var apic = new ApicSide();
        using var plain = new FileDescriptor(HostException.Check(Libc.timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC), "timerfd_create"));
        for (var round = -1; round < Rounds; round++)
        {
            Report("apic", round, apic.LatenessNs);
            Report("timerfd", round, () => PlainLatenessNs(plain));
        }
    }

    private static void Report(string side, int round, Func<long> latenessNs)
    {
        var lateness = new long[DeadlinesARound];
        for (var i = 0; i < lateness.Length; i++)
        {
            lateness[i] = latenessNs();
        }

        // The first round is for the compiler.
        Array.Sort(lateness);
        if (round >= 0)
        {
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{side} {lateness[DeadlinesARound / 2]} {lateness[DeadlinesARound * 99 / 100]}"));
        }
    }

    private static long PlainLatenessNs(FileDescriptor timer)
    {
        var deadline = Stopwatch.GetTimestamp() + Millisecond;
        var value = new itimerspec { it_value = new timespec { tv_sec = deadline / 1_000_000_000, tv_nsec = deadline % 1_000_000_000 } };
        HostException.Check(Libc.timerfd_settime(timer.Value, TFD_TIMER_ABSTIME, &value, null), "timerfd_settime");
        ulong expirations;
        if (Libc.read(timer.Value, &expirations, sizeof(ulong)) != sizeof(ulong))
        {
            throw new InvalidOperationException("the timer could not be read");
        }

        return Stopwatch.GetTimestamp() - deadline;
    }

    /// <summary>One local APIC on the host's time, whose signal notes when the bit was there.</summary>
    private sealed class ApicSide : ILocalApicSignal, IDisposable
    {
        private readonly TimerFdQueue _timers = new();
        private readonly SemaphoreSlim _seen = new(0);
        private readonly LocalApic _apic;
        private long _at;

        internal ApicSide()
        {
            _apic = new LocalApic(0, _timers, this, tsc: new FixedRateTsc(_timers, 1_000_000_000));
            Write(0xf0, 0x1ff);
            Write(0x320, (2 << 17) | Vector);
        }

        public void Signal()
        {
            if (_apic.HasInterrupt)
            {
                _at = Stopwatch.GetTimestamp();
                _seen.Release();
            }
        }

        public void Dispose()
        {
            _timers.Dispose();
            _apic.Dispose();
            _seen.Dispose();
        }

        internal long LatenessNs()
        {
            var deadline = _timers.NowNs + Millisecond;
            _apic.WriteTscDeadline((ulong)deadline);
            _seen.Wait();
            if (!_apic.TryAcknowledge(out var vector) || vector != Vector)
            {
                throw new InvalidOperationException("the deadline's vector did not come");
            }

            Write(0xb0, 0);
            return _at - deadline;
        }

        private void Write(ulong register, uint value) => _apic.Write(register, BitConverter.GetBytes(value));
    }
}
