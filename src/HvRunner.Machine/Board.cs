using HvRunner.Chipset.Serial;
using HvRunner.Chipset.Timers;
using HvRunner.Machine.Bus;
using HvRunner.Machine.Diagnostics;

namespace HvRunner.Machine;

/// <summary>The wired devices, as far as the running machine still needs to name them.</summary>
internal sealed record Board(AddressSpace Ports, AddressSpace Mmio, Uart16550 Com1, Pit8254 Pit, ConsoleTail Tail, ConsoleTap Tap) : IDisposable
{
    public void Dispose() => Pit.Dispose();
}
