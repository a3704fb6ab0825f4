using System.Buffers.Binary;
using HvRunner.Abstractions;
using HvRunner.Chipset.Apic;
using Xunit.Abstractions;

namespace HvRunner.Chipset.Tests.Apic;

/// <summary>
/// Three local APICs, an IO-APIC and an 8259 pair, wired as in a PC. Whatever a guest sends: nothing throws or allocates, and a snapshot taken at any
/// moment goes on as the original does.
/// </summary>
public sealed class InterruptSystemFuzzTests(ITestOutputHelper output)
{
    [Fact]
    public void RandomSteps_NeverThrowOrAllocate()
    {
        var random = Seeded();
        using var system = new InterruptSystem();
        for (var i = 0; i < 50_000; i++)
        {
            system.Step(random);
        }

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 300_000; i++)
        {
            system.Step(random);
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.True(system.Taken > 5_000 && system.Arms > 300 && system.Starts > 100, $"{system.Taken} taken, {system.Arms} timers armed, {system.Starts} starts");
    }

    [Fact]
    public void SaveAndLoad_GoOnAsTheOriginal()
    {
        var random = Seeded();
        for (var round = 0; round < 60; round++)
        {
            var seed = random.Next();
            using var original = new InterruptSystem();
            using var twin = new InterruptSystem();
            var program = new Random(seed);
            for (var i = 0; i < 400; i++)
            {
                original.Step(program);
            }

            twin.CatchUpWith(original);
            for (var i = 0; i < 300; i++)
            {
                var next = program.Next();
                Assert.True(original.Step(new Random(next)) == twin.Step(new Random(next)), $"seed {seed}, step {i}");
            }

            Assert.All(original.Devices.Zip(twin.Devices), pair => Assert.Equal(pair.First.SavedState(), pair.Second.SavedState()));
        }
    }

    [Fact]
    public void RandomState_IsRefusedOrHarmless()
    {
        var random = Seeded();
        using var system = new InterruptSystem();
        var refused = 0;
        for (var round = 0; round < 4_000; round++)
        {
            var device = system.Devices[round % system.Devices.Count];
            refused += device.LoadDamaged(random, 1 + random.Next(4)) ? 1 : 0;

            for (var i = 0; i < 20; i++)
            {
                system.Step(random);
            }
        }

        Assert.InRange(refused, 1, 3_999);
    }

    [Fact]
    public void ShortState_IsRefused()
    {
        using var system = new InterruptSystem();
        foreach (var device in system.Devices)
        {
            Assert.Throws<StateFormatException>(() => device.LoadState(device.SavedState()[..^1]));
        }
    }

    private Random Seeded()
    {
        var seed = Random.Shared.Next();
        output.WriteLine($"seed {seed}");
        return new Random(seed);
    }

    /// <summary>The devices, guest time, and processors that take what they are offered.</summary>
    private sealed class InterruptSystem : ITimerQueue, IProcessorStart, IDisposable
    {
        private const int Processors = 3;

        private readonly List<OneTimer> _timers = [];
        private readonly IInterruptLine[] _wires;
        private readonly LocalApic[] _apics;
        private readonly ApicBus _bus = new();
        private readonly IoApic _ioApic;
        private readonly Pic8259Pair _pic;
        private readonly byte[] _buffer = new byte[8];
        private ulong _seen;

        public InterruptSystem()
        {
            var intr = new InterruptWire();
            _pic = new Pic8259Pair(intr);
            _apics = [.. Enumerable.Range(0, Processors).Select(id => new LocalApic(id, this, this, _pic, tsc: new FixedRateTsc(this, 2_900_000_001), bus: _bus, x2Apic: true))];
            _ioApic = new IoApic(_bus);
            _bus.Connect(_ioApic);
            intr.Connect(new ForkedWire(_apics[0].Lint0, _ioApic.GetLine(IsaInterrupts.IntrPin)));
            _wires = [.. Enumerable.Range(0, 16).Where(irq => irq != 2).Select(irq => IsaInterrupts.GetLine(_pic, _ioApic, irq)), .. Enumerable.Range(16, 8).Select(_ioApic.GetLine), _apics[0].Lint1];
            Devices = [_bus, _ioApic, _pic, .. _apics];
        }

        public IReadOnlyList<IStateful> Devices { get; }

        public long NowNs { get; private set; }

        public int Taken { get; private set; }

        public int Starts { get; private set; }

        public int Arms { get; private set; }

        public IDeadlineTimer CreateTimer(Action<long> expired)
        {
            _timers.Add(new OneTimer(this, expired));
            return _timers[^1];
        }

        public void Signal()
        {
        }

        public void SignalStart() => Starts++;

        public void Dispose() => Array.ForEach(_apics, apic => apic.Dispose());

        public void CatchUpWith(InterruptSystem original)
        {
            NowNs = original.NowNs;
            _seen = original._seen;
            foreach (var (mine, theirs) in Devices.Zip(original.Devices))
            {
                mine.LoadState(theirs.SavedState());
            }

            // The pair drives INTR when it is loaded, which the two behind it are told of before they are.
            foreach (var (mine, theirs) in Devices.Zip(original.Devices))
            {
                mine.LoadState(theirs.SavedState());
            }
        }

        /// <summary>One step of anything; gives a digest of what was seen.</summary>
        public ulong Step(Random random)
        {
            var apic = _apics[random.Next(Processors)];
            var data = _buffer.AsSpan(0, random.Next(16) == 0 ? 1 << random.Next(4) : 4);
            random.NextBytes(data);
            switch (random.Next(12))
            {
                case 0:
                    Advance(random.Next(3) == 0 ? random.Next(200) : random.Next(2_000_000));
                    break;
                case 1 or 2:
                    _wires[random.Next(_wires.Length)].Set(random.Next(2) == 0);
                    break;
                case 3:
                    var mode = random.Next(8) is var any && any == 5 && random.Next(8) != 0 ? 0u : (uint)any;
                    See(_bus.Send(new MsiMessage(0xfee0_0000 | (uint)random.Next(0x10_0000), data[0] | (mode << 8) | ((uint)random.Next(4) << 14))) ? 1ul : 0);
                    break;
                case 4 or 5 or 6:
                    Take(apic);
                    if (random.Next(2) == 0)
                    {
                        See(apic.HasPage ? (ulong)apic.Write(0xb0, [0, 0, 0, 0]) : apic.TryWriteMsr(0x80b, 0) ? 1ul : 0);
                    }

                    break;
                case 7:
                    IoApicStep(random, data);
                    break;
                case 8:
                    ProcessorStep(random, apic);
                    break;
                default:
                    RegisterStep(random, apic, data);
                    break;
            }

            See(apic.HasInterrupt ? 1ul : 0);
            See(apic.CanWakeWithInterruptsOn || _ioApic.CanWakeWithInterruptsOff ? 1ul : 0);
            return _seen;
        }

        private void Take(LocalApic apic)
        {
            if (apic.TryTakeInit())
            {
                // As an operating system does before long, or no fixed interrupt would ever be taken again.
                See(apic.HasPage ? (ulong)apic.Write(0xf0, [0xff, 1, 0, 0]) : apic.TryWriteMsr(0x80f, 0x1ff) ? 1ul : 0);
            }

            See(apic.TryTakeStartUp(out var page) ? page : 0ul);
            See(apic.TryTakeNonMaskable() ? 1ul : 0);
            if (apic.TryAcknowledge(out var vector))
            {
                Taken++;
                See(vector);
            }
        }

        private void IoApicStep(Random random, Span<byte> data)
        {
            var offset = random.Next(20) == 0 ? (ulong)random.NextInt64() : (ulong)random.Next(5) * 0x10;
            if (offset == 0 && random.Next(8) != 0)
            {
                data[0] = (byte)random.Next(0x42);
            }

            See((ulong)(random.Next(4) == 0 ? _ioApic.Read(offset, data) : _ioApic.Write(offset, data)));
            SeeAll(data);
        }

        private void ProcessorStep(Random random, LocalApic apic)
        {
            switch (random.Next(6))
            {
                case 0:
                    apic.TaskPriority = (byte)random.Next(0x40);
                    break;
                case 1:
                    apic.WriteTscDeadline((ulong)random.NextInt64((NowNs * 3) + 1) + (ulong)random.Next(100_000_000));
                    break;
                case 2:
                    See(apic.ReadTscDeadline());
                    break;
                case 3:
                    See(apic.TrySetApicBase(0xfee0_0000 | ((ulong)random.Next(random.Next(4) == 0 ? 0x10 : 4) << 10)) ? 1ul : 0);
                    break;
                case 4:
                    // As an operating system does, or nothing of the pair would ever be delivered.
                    for (var i = 0; i < 4; i++)
                    {
                        See((ulong)_pic.MasterPorts.Write((ulong)Math.Min(i, 1), [(byte)(0x01043011 >> (8 * i))]));
                    }

                    break;
                default:
                    apic.TrySetApicBase(0xfee0_0800);
                    apic.ConfigureVirtualWire();
                    break;
            }
        }

        private void RegisterStep(Random random, LocalApic apic, Span<byte> data)
        {
            var offset = random.Next(30) == 0 ? (ulong)random.NextInt64() : (ulong)random.Next(0x42) * 0x10;
            if (data.Length == 4 && random.Next(8) != 0)
            {
                // Mostly values that leave interrupts and the timer alive.
                data[1] |= offset == 0xf0 ? (byte)1 : (byte)0;
                data[0] &= offset == 0x80 ? (byte)0x3f : (byte)0xff;
                data[1] &= offset == 0x300 && (data[1] & 7) == 5 ? (byte)0xf8 : (byte)0xff;
                data[2] &= offset == 0x320 ? (byte)6 : (byte)0xff;
                data[3] = offset is 0x380 or 0x300 ? (byte)0 : data[3];
            }

            if (apic.HasPage)
            {
                See((ulong)(random.Next(3) == 0 ? apic.Read(offset, data) : apic.Write(offset, data)));
                SeeAll(data);
                return;
            }

            var index = 0x800 + (uint)(offset >> 4);
            var value = data.Length == 4 ? BinaryPrimitives.ReadUInt32LittleEndian(data) & (uint)random.Next() : (ulong)random.NextInt64();
            if (random.Next(3) == 0)
            {
                See(apic.TryReadMsr(index, out value) ? value : 1);
            }
            else
            {
                See(apic.TryWriteMsr(index, value >> random.Next(33)) ? 1ul : 0);
            }
        }

        private void Advance(long ns)
        {
            var end = NowNs + ns;
            while (Next(end) is { } due)
            {
                NowNs = Math.Max(NowNs, due.DeadlineNs);
                due.Fire();
            }

            NowNs = end;
        }

        private OneTimer? Next(long end)
        {
            OneTimer? first = null;
            foreach (var timer in _timers)
            {
                if (timer.DeadlineNs <= end && (first is null || timer.DeadlineNs < first.DeadlineNs))
                {
                    first = timer;
                }
            }

            return first;
        }

        private void SeeAll(ReadOnlySpan<byte> data)
        {
            foreach (var value in data)
            {
                See(value);
            }
        }

        private void See(ulong value) => _seen = (_seen * 31) + value;

        private sealed class OneTimer(InterruptSystem owner, Action<long> expired) : IDeadlineTimer
        {
            public long DeadlineNs { get; private set; } = long.MaxValue;

            public void Fire()
            {
                var due = DeadlineNs;
                DeadlineNs = long.MaxValue;
                expired(due);
            }

            public void Arm(long deadlineNs)
            {
                owner.Arms++;
                DeadlineNs = deadlineNs;
            }

            public void Disarm() => DeadlineNs = long.MaxValue;

            public void Dispose() => Disarm();
        }
    }
}
