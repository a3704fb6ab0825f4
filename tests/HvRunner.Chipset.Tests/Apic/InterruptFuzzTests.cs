using HvRunner.Abstractions;
using HvRunner.Chipset.Apic;
using Xunit.Abstractions;

namespace HvRunner.Chipset.Tests.Apic;

/// <summary>
/// A local APIC and an 8259 pair wired as in a PC. Whatever a guest sends: nothing throws or allocates, and a snapshot taken at any moment goes on as
/// the original does.
/// </summary>
public sealed class InterruptFuzzTests(ITestOutputHelper output)
{
    [Fact]
    public void RandomSteps_NeverThrowOrAllocate()
    {
        var random = Seeded();
        using var board = new Board();
        for (var i = 0; i < 50_000; i++)
        {
            board.Step(random);
        }

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 200_000; i++)
        {
            board.Step(random);
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.True(board.Acknowledged > 1_000, $"{board.Acknowledged} acknowledged");
        Assert.True(board.Arms > 1_000, $"{board.Arms} timers armed");
    }

    [Fact]
    public void SaveAndLoad_GoOnAsTheOriginal()
    {
        var random = Seeded();
        for (var round = 0; round < 200; round++)
        {
            var seed = random.Next();
            using var original = new Board();
            using var twin = new Board();
            var program = new Random(seed);
            for (var i = 0; i < 300; i++)
            {
                original.Step(program);
            }

            twin.CatchUpWith(original);
            for (var i = 0; i < 300; i++)
            {
                var next = program.Next();
                Assert.True(original.Step(new Random(next)) == twin.Step(new Random(next)), $"seed {seed}, step {i}");
            }

            Assert.Equal(original.Apic.SavedState(), twin.Apic.SavedState());
            Assert.Equal(original.Pic.SavedState(), twin.Pic.SavedState());
        }
    }

    [Fact]
    public void RandomState_IsRefusedOrHarmless()
    {
        var random = Seeded();
        using var board = new Board();
        var refused = 0;
        for (var round = 0; round < 5_000; round++)
        {
            IStateful device = round % 2 == 0 ? board.Apic : board.Pic;
            refused += device.LoadDamaged(random, 1 + random.Next(4)) ? 1 : 0;

            for (var i = 0; i < 20; i++)
            {
                board.Step(random);
            }
        }

        Assert.InRange(refused, 1, 4_999);
    }

    [Fact]
    public void ShortState_IsRefused()
    {
        using var board = new Board();
        var apic = board.Apic.SavedState();
        var pic = board.Pic.SavedState();
        Assert.Throws<StateFormatException>(() => board.Apic.LoadState(apic[..^1]));
        Assert.Throws<StateFormatException>(() => board.Pic.LoadState(pic[..^1]));
        Assert.Throws<StateFormatException>(() => board.Apic.LoadState(pic));
    }

    private Random Seeded()
    {
        var seed = Random.Shared.Next();
        output.WriteLine($"seed {seed}");
        return new Random(seed);
    }

    /// <summary>Both controllers, guest time for the one timer, and a processor that takes what it is offered.</summary>
    private sealed class Board : ITimerQueue, IDeadlineTimer, ILocalApicSignal, IEndOfInterruptSink
    {
        private readonly IBusDevice[] _ports;
        private readonly IInterruptLine _lint1;
        private readonly byte[] _buffer = new byte[8];
        private Action<long>? _expired;
        private long _deadlineNs = long.MaxValue;
        private ulong _seen;

        public Board()
        {
            var wire = new InterruptWire();
            Pic = new Pic8259Pair(wire);
            Apic = new LocalApic(0, this, this, Pic, this, new FixedRateTsc(this, 2_900_000_001), busFrequencyHz: 999_999_999);
            wire.Connect(Apic.Lint0);
            _lint1 = Apic.Lint1;
            _ports = [Pic.MasterPorts, Pic.SlavePorts, Pic.EdgeLevelPorts];
            Apic.ConfigureVirtualWire();
        }

        public Pic8259Pair Pic { get; }

        public LocalApic Apic { get; }

        public long NowNs { get; private set; }

        public int Acknowledged { get; private set; }

        public int Arms { get; private set; }

        public IDeadlineTimer CreateTimer(Action<long> expired)
        {
            _expired = expired;
            return this;
        }

        public void Arm(long deadlineNs)
        {
            Arms++;
            _deadlineNs = deadlineNs;
        }

        public void Disarm() => _deadlineNs = long.MaxValue;

        public void Dispose() => _deadlineNs = long.MaxValue;

        public void Signal()
        {
        }

        public void EndOfInterrupt(byte vector) => _seen += vector;

        public void CatchUpWith(Board original)
        {
            NowNs = original.NowNs;
            _seen = original._seen;
            Pic.LoadState(original.Pic.SavedState());
            Apic.LoadState(original.Apic.SavedState());
        }

        /// <summary>One step of anything; gives a digest of what was seen.</summary>
        public ulong Step(Random random)
        {
            var data = _buffer.AsSpan(0, random.Next(8) == 0 ? 1 << random.Next(4) : 4);
            random.NextBytes(data);
            switch (random.Next(12))
            {
                case 0:
                    Advance(random.Next(3) == 0 ? random.Next(200) : random.Next(2_000_000));
                    break;
                case 1:
                    var irq = random.Next(16);
                    Pic.GetLine(irq == 2 ? 9 : irq).Set(random.Next(2) == 0);
                    break;
                case 2:
                    _lint1.Set(random.Next(2) == 0);
                    break;
                case 3:
                    Apic.Accept(data[0], random.Next(2) == 0);
                    break;
                case 4 or 5:
                    if (Apic.TryAcknowledge(out var vector))
                    {
                        Acknowledged++;
                        See(vector);
                    }

                    See(Apic.TryTakeNonMaskable() ? 1ul : 0);
                    break;
                case 6:
                    PortStep(random, data);
                    break;
                case 7:
                    ProcessorStep(random);
                    break;
                default:
                    PageStep(random, data);
                    break;
            }

            See(Apic.HasInterrupt ? 1ul : 0);
            See(Apic.CanWakeWithInterruptsOn ? 1ul : 0);
            return _seen;
        }

        private void PortStep(Random random, Span<byte> data)
        {
            var ports = _ports[random.Next(_ports.Length)];
            if (ports == Pic.MasterPorts && random.Next(3) == 0)
            {
                // As an operating system does, or nothing would ever be delivered.
                for (var i = 0; i < 4; i++)
                {
                    ports.Out((ulong)Math.Min(i, 1), (byte)(0x01043011 >> (8 * i)));
                }

                return;
            }

            var offset = (ulong)random.Next(3);
            See((ulong)(random.Next(2) == 0 ? ports.Read(offset, data) : ports.Write(offset, data)));
            SeeAll(data);
        }

        private void ProcessorStep(Random random)
        {
            switch (random.Next(5))
            {
                case 0:
                    Apic.TaskPriority = (byte)random.Next(0x40);
                    break;
                case 1:
                    Apic.WriteTscDeadline((ulong)random.NextInt64(NowNs * 3) + (ulong)random.Next(100_000_000));
                    break;
                case 2:
                    See(Apic.ReadTscDeadline());
                    break;
                case 3 when random.Next(10) == 0:
                    See(Apic.TrySetApicBase(0xfee0_0000 | (ulong)random.Next(0x1000)) ? 1ul : 0);
                    break;
                default:
                    Apic.TrySetApicBase(0xfee0_0900);
                    Apic.ConfigureVirtualWire();
                    break;
            }
        }

        private void PageStep(Random random, Span<byte> data)
        {
            var offset = random.Next(30) == 0 ? (ulong)random.NextInt64() : (ulong)random.Next(0x42) * 0x10;
            Tame(offset, data, random);

            See((ulong)(random.Next(3) == 0 ? Apic.Read(offset, data) : Apic.Write(offset, data)));
            SeeAll(data);
        }

        /// <summary>Mostly values that leave interrupts and the timer alive.</summary>
        private static void Tame(ulong offset, Span<byte> data, Random random)
        {
            if (data.Length != 4 || random.Next(8) == 0)
            {
                return;
            }

            switch (offset)
            {
                case 0x080:
                    data[0] &= 0x3f;
                    break;
                case 0x0f0:
                    data[1] |= 1;
                    break;
                case 0x320:
                    data[2] &= 0x06;
                    break;
                case 0x380:
                    data[2] &= 0x0f;
                    data[3] = 0;
                    break;
                default:
                    break;
            }
        }

        private void Advance(long ns)
        {
            var end = NowNs + ns;
            while (_deadlineNs <= end)
            {
                var due = _deadlineNs;
                NowNs = Math.Max(NowNs, due);
                _deadlineNs = long.MaxValue;
                _expired!(due);
            }

            NowNs = end;
        }

        private void SeeAll(ReadOnlySpan<byte> data)
        {
            foreach (var value in data)
            {
                See(value);
            }
        }

        private void See(ulong value) => _seen = (_seen * 31) + value;
    }
}
