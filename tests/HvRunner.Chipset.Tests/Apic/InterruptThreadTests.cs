using HvRunner.Chipset.Apic;
using HvRunner.Fakes;

namespace HvRunner.Chipset.Tests.Apic;

/// <summary>A device's thread drives a wire while the processor's thread takes interrupts: nothing locks up and no edge is lost.</summary>
public sealed class InterruptThreadTests : ILocalApicSignal, IDisposable
{
    private const int Rounds = 20_000;

    private readonly SemaphoreSlim _signal = new(0);
    private readonly SemaphoreSlim _served = new(0);

    void ILocalApicSignal.Signal() => _signal.Release();

    public void Dispose()
    {
        _signal.Dispose();
        _served.Dispose();
    }

    [Fact]
    public void TwoThreads_EveryEdgeArrives()
    {
        var wire = new InterruptWire();
        var pic = new Pic8259Pair(wire);
        using var apic = new LocalApic(0, new FakeTimerQueue(), this, pic);
        wire.Connect(apic.Lint0);
        apic.ConfigureVirtualWire();
        foreach (var (chip, words) in new[] { (pic.MasterPorts, new byte[] { 0x30, 4, 3 }), (pic.SlavePorts, [0x38, 2, 3]) })
        {
            chip.Out(0, 0x11);
            Array.ForEach(words, word => chip.Out(1, word));
        }

        // Each round one interrupt by the 8259 and one by a message; the device waits until both were taken.
        var device = new Thread(() =>
        {
            for (var i = 0; i < Rounds; i++)
            {
                pic.GetLine(12).Set(true);
                apic.Accept(0x51, levelTriggered: false);
                if (!_served.Wait(TimeSpan.FromSeconds(20)) || !_served.Wait(TimeSpan.FromSeconds(20)))
                {
                    return;
                }

                pic.GetLine(12).Set(false);
            }
        });
        device.Start();
        var (external, messages) = (0, 0);
        while (external + messages < 2 * Rounds && _signal.Wait(TimeSpan.FromSeconds(20)))
        {
            while (apic.TryAcknowledge(out var vector))
            {
                external += vector == 0x3c ? 1 : 0;
                messages += vector == 0x51 ? 1 : 0;
                if (vector == 0x51)
                {
                    apic.Write(0xb0, new byte[4]);
                }

                _served.Release();
            }
        }

        device.Join();
        Assert.Equal((Rounds, Rounds), (external, messages));
    }
}
