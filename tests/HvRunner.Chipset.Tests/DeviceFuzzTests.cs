using HvRunner.Abstractions;
using HvRunner.Chipset.Apic;
using HvRunner.Chipset.Power;
using HvRunner.Chipset.Rtc;
using HvRunner.Chipset.Serial;
using HvRunner.Chipset.Timers;
using HvRunner.Fakes;
using Xunit.Abstractions;

namespace HvRunner.Chipset.Tests;

/// <summary>Whatever a guest sends: no device throws or allocates, and a snapshot taken at any moment goes on as the original does.</summary>
public sealed class DeviceFuzzTests(ITestOutputHelper output)
{
    private static readonly int[] Widths = [1, 1, 1, 2, 4, 8];

    public static TheoryData<string> Kinds => [.. Board.Kinds];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void RandomAccesses_NeverThrowOrAllocate(string kind)
    {
        var random = Seeded();
        using var board = new Board(kind);
        for (var i = 0; i < 20_000; i++)
        {
            board.Access(random);
        }

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 100_000; i++)
        {
            board.Access(random);
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void SaveAndLoad_GoOnAsTheOriginal(string kind)
    {
        var random = Seeded();
        for (var round = 0; round < 50; round++)
        {
            var seed = random.Next();
            using var original = new Board(kind);
            using var twin = new Board(kind);
            var program = new Random(seed);
            for (var i = 0; i < 100; i++)
            {
                original.Access(program);
            }

            twin.CatchUpWith(original);
            for (var i = 0; i < 100; i++)
            {
                var next = program.Next();
                Assert.True(original.Access(new Random(next)) == twin.Access(new Random(next)), $"seed {seed}, access {i}");
                Assert.True(original.Line.Asserted == twin.Line.Asserted, $"seed {seed}, access {i}: line");
            }

            Assert.Equal(original.Device.SavedState(), twin.Device.SavedState());
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void RandomState_IsRefusedOrHarmless(string kind)
    {
        var random = Seeded();
        using var board = new Board(kind);
        var state = board.Device.SavedState();
        var header = 1 + state[0] + 1;
        for (var round = 0; round < 2_000; round++)
        {
            var damaged = (byte[])state.Clone();
            for (var i = 0; i < 3 && damaged.Length > header; i++)
            {
                damaged[random.Next(header, damaged.Length)] = (byte)random.Next(256);
            }

            try
            {
                board.Device.LoadState(damaged);
            }
            catch (StateFormatException)
            {
                board.Device.LoadState(state);
            }

            for (var i = 0; i < 20; i++)
            {
                board.Access(random);
            }
        }
    }

    private Random Seeded()
    {
        var seed = Random.Shared.Next();
        output.WriteLine($"seed {seed}");
        return new Random(seed);
    }

    /// <summary>Guest time for one timer, without allocation.</summary>
    private sealed class OneTimerQueue : ITimerQueue, IDeadlineTimer
    {
        private Action<long>? _expired;
        private long _deadline = long.MaxValue;

        public long NowNs { get; private set; }

        public void Advance(long ns)
        {
            var end = NowNs + ns;
            while (_deadline <= end)
            {
                var due = _deadline;
                NowNs = Math.Max(NowNs, due);
                _deadline = long.MaxValue;
                _expired!(due);
            }

            NowNs = end;
        }

        public IDeadlineTimer CreateTimer(Action<long> expired)
        {
            _expired = expired;
            return this;
        }

        public void Arm(long deadlineNs) => _deadline = deadlineNs;

        public void Disarm() => _deadline = long.MaxValue;

        public void Dispose()
        {
        }
    }

    /// <summary>One device with all that it is wired to, and time.</summary>
    private sealed class Board : ISerialInput, ISerialOutput, IPowerControl, IDisposable
    {
        public static readonly string[] Kinds =
            ["uart", "debug-console", "pit", "port-b", "rtc", "exit-port", "pvpanic", "keyboard", "reset-control", "ib700", "hpet", "pm-timer", "pm1", "ioapic"];

        private readonly IBusDevice[] _ports;
        private readonly OneTimerQueue _queue = new();
        private readonly FixedClock _clock = new(new DateTimeOffset(2026, 2, 28, 23, 59, 58, TimeSpan.Zero));
        private readonly Pit8254? _pit;
        private readonly AcpiPmTimer? _pmTimer;
        private readonly byte[] _buffer = new byte[8];
        private readonly ulong[] _offsets = [];
        private int _waiting;
        private byte _nextInput;
        private ulong _seen;

        public Board(string kind)
        {
            _pit = kind is "pit" or "port-b" ? new Pit8254(_queue, Line) : null;
            _pmTimer = kind == "pm1" ? new AcpiPmTimer(_queue, is32Bit: false) : null;
            var keyboard = kind == "keyboard" ? new KeyboardController(this) : null;
            object device = kind switch
            {
                "uart" => new Uart16550("com1", Line, this, this),
                "debug-console" => new DebugConsole("debug-console", this),
                "pit" => _pit!,
                "port-b" => new SystemControlPortB(_pit!),
                "rtc" => new CmosRtc(_clock, _queue, Line, 1 << 29, 0),
                "exit-port" => new ExitPort("exit-port", this),
                "pvpanic" => new PvPanic(this),
                "keyboard" => keyboard!,
                "pm-timer" => new AcpiPmTimer(_queue, is32Bit: false),
                "pm1" => new AcpiPm1Block(_queue, _pmTimer!, Line, this),
                "hpet" => new Hpet(_queue, new(Line, Line), new(Line, Line), new HpetRoute(20, Line), new HpetRoute(23, Line)),
                "ib700" => new Ib700Watchdog(_queue, this),
                "ioapic" => new IoApic(new ApicBus()),
                _ => new ResetControl(this),
            };
            Device = (IStateful)device;
            _offsets = device is Hpet ? [0, 4, 0x10, 0x10, 0x20, 0xf0, 0xf4, 0x100, 0x100, 0x108, 0x10c, 0x120, 0x128, 0x140, 0x148, 0x110, 0x3f8] : [];
            _ports = keyboard is null ? [(IBusDevice)device] : [keyboard.DataPort, keyboard.CommandPort];
        }

        public RecordingLine Line { get; } = new();

        public IStateful Device { get; }

        public void Dispose()
        {
            _pit?.Dispose();
            (Device as IDisposable)?.Dispose();
            _queue.Dispose();
        }

        public void CatchUpWith(Board original)
        {
            _queue.Advance(original._queue.NowNs);
            _clock.Now = original._clock.Now;
            _waiting = original._waiting;
            _nextInput = original._nextInput;
            _seen = original._seen;
            _pit?.LoadState(original._pit!.SavedState());
            _pmTimer?.LoadState(original._pmTimer!.SavedState());
            Device.LoadState(original.Device.SavedState());
        }

        /// <summary>One access, or some time or input; gives a digest of what the guest saw.</summary>
        public ulong Access(Random random)
        {
            var port = _ports[random.Next(_ports.Length)];
            var offset = random.Next(50) == 0 ? (ulong)random.NextInt64(long.MinValue, long.MaxValue)
                : _offsets.Length == 0 ? (ulong)random.Next(9) : _offsets[random.Next(_offsets.Length)];
            var data = _buffer.AsSpan(0, Widths[random.Next(Widths.Length)]);
            random.NextBytes(data);
            switch (random.Next(10))
            {
                case 0:
                    _queue.Advance(random.Next(3) == 0 ? random.Next(2_000) : random.Next(20_000_000));
                    _clock.Now = _clock.Now.AddMilliseconds(random.Next(5_000));
                    break;
                case 1:
                    _waiting += random.Next(40);
                    (Device as Uart16550)?.InputReady();
                    (Device as AcpiPm1Block)?.PressPowerButton();
                    break;
                case < 6:
                    _seen = (_seen * 31) + (ulong)port.Read(offset, data);
                    break;
                default:
                    _seen = (_seen * 31) + (ulong)port.Write(offset, data);
                    break;
            }

            foreach (var value in data)
            {
                _seen = (_seen * 31) + value;
            }

            return _seen;
        }

        public int Read(Span<byte> destination)
        {
            var count = Math.Min(destination.Length, _waiting);
            for (var i = 0; i < count; i++)
            {
                destination[i] = _nextInput++;
            }

            _waiting -= count;
            return count;
        }

        public void Write(ReadOnlySpan<byte> data) => _seen = (_seen * 31) + data[0];

        public void PowerOff(string source) => _seen++;

        public void Reset(string source) => _seen++;

        public void ReportStatus(ulong value) => _seen += value;

        public void Panic(string source) => _seen++;

        public void WatchdogExpired(string source) => _seen += 7;
    }
}
