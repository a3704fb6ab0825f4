using HvRunner.Chipset.Apic;
using HvRunner.Fakes;

namespace HvRunner.Chipset.Tests.Apic;

/// <summary>
/// Processors on threads of their own send each other IPIs in a ring while a level-triggered wire is served: nothing locks up, no IPI and no level is lost.
/// </summary>
public sealed class InterruptBusThreadTests
{
    private const int Processors = 3;
    private const int Rounds = 10_000;
    private const byte RingVector = 0x61;
    private const byte LevelVector = 0x51;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public void RingOfIpisAndALevel_AllArrive()
    {
        var bus = new ApicBus();
        using var done = new CountdownEvent(Processors);
        var ioApic = new IoApic(bus);
        bus.Connect(ioApic);
        ioApic.Write(0x00, [0x18, 0, 0, 0]);
        ioApic.Write(0x10, BitConverter.GetBytes(0x8100u | LevelVector));
        ioApic.Write(0x00, [0x19, 0, 0, 0]);
        ioApic.Write(0x10, BitConverter.GetBytes(0xff00_0000u));
        var line = ioApic.GetLine(4);
        var processors = Enumerable.Range(0, Processors).Select(id => new ThreadedProcessor(id, bus, done)).ToList();
        var threads = processors.ConvertAll(processor => new Thread(processor.Run));
        threads.ForEach(thread => thread.Start());

        // The level stays up from the start: each EOI raises it again.
        line.Set(true);
        processors[0].SendRing(0);
        var arrived = done.Wait(Patience);
        processors.ForEach(processor => processor.Stop());
        Assert.True(threads.TrueForAll(thread => thread.Join(Patience)), "a processor's thread has locked up");
        Assert.True(arrived, string.Join(", ", processors.Select(processor => $"{processor.RingCount} IPIs")));
        Assert.True(processors.Sum(processor => processor.LevelCount) > Processors, "the level was not raised again");
        processors.ForEach(processor => processor.Dispose());
    }

    private sealed class ThreadedProcessor : ILocalApicSignal, IDisposable
    {
        private readonly SemaphoreSlim _signal = new(0);
        private readonly CountdownEvent _done;
        private readonly LocalApic _apic;
        private readonly int _next;
        private volatile bool _stopped;

        public ThreadedProcessor(int id, ApicBus bus, CountdownEvent done)
        {
            _done = done;
            _next = (id + 1) % Processors;
            _apic = new LocalApic(id, new FakeTimerQueue(), this, bus: bus);
            _apic.Write(0xf0, BitConverter.GetBytes(0x1ff));
        }

        public int RingCount { get; private set; }

        public int LevelCount { get; private set; }

        public void Signal() => _signal.Release();

        public void Dispose()
        {
            _apic.Dispose();
            _signal.Dispose();
        }

        public void Stop()
        {
            _stopped = true;
            _signal.Release();
        }

        public void SendRing(int destination)
        {
            _apic.Write(0x310, BitConverter.GetBytes(destination << 24));
            _apic.Write(0x300, BitConverter.GetBytes(0x4000 | RingVector));
        }

        public void Run()
        {
            while (!_stopped && _signal.Wait(Patience))
            {
                while (!_stopped && _apic.TryAcknowledge(out var vector))
                {
                    _apic.Write(0xb0, new byte[4]);
                    Serve(vector);
                }
            }
        }

        private void Serve(byte vector)
        {
            if (vector == LevelVector)
            {
                LevelCount++;
                return;
            }

            if (++RingCount == Rounds)
            {
                _done.Signal();
            }

            SendRing(_next);
        }
    }
}
