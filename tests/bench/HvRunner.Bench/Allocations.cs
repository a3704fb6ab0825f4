// What an exit allocates: runs the guest port-loop with two counts of accesses and divides what the longer run allocated more by the exits that it
// made more, so that building, starting and ending a machine cancel out. Both last longer than the interval at which the machine looks after its
// vCPUs, so that what the first such look allocates cancels out too. Prints one line for each kind of access: its name, then the median, the least
// and the most of the bytes an exit.
//
// Not measured here: time, which is the native binary's business.
using System.Globalization;
using HvRunner.Abstractions;
using HvRunner.Boot;
using HvRunner.Boot.Pvh;
using HvRunner.Chipset.Serial;
using HvRunner.Host;
using HvRunner.Machine;
using HvRunner.Machine.Verdicts;

namespace HvRunner.Bench;

internal static class Allocations
{
    private const int FewExits = 10_000;
    private const int ManyExits = 30_000;
    private const int Rounds = 5;

    internal static void Measure(string kernelPath, string hypervisor, IrqchipMode irqchip, IEnumerable<string> kinds)
    {
        foreach (var kind in kinds)
        {
            AllocatedBy(kernelPath, hypervisor, irqchip, kind, FewExits);
            var perExit = new double[Rounds];
            for (var i = 0; i < Rounds; i++)
            {
                var few = AllocatedBy(kernelPath, hypervisor, irqchip, kind, FewExits);
                var many = AllocatedBy(kernelPath, hypervisor, irqchip, kind, ManyExits);
                perExit[i] = (many - few) / (double)(ManyExits - FewExits);
            }

            Array.Sort(perExit);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{kind} {perExit[Rounds / 2]:0.####} {perExit[0]:0.####} {perExit[^1]:0.####}"));
        }
    }

    // Bytes that the whole process allocates while the guest runs, the threads of its vCPU and of the machine included.
    private static long AllocatedBy(string kernelPath, string hypervisorName, IrqchipMode irqchip, string kind, int count)
    {
        using var source = new FileImageSource(kernelPath);
        using var hypervisor = Hypervisors.Open(hypervisorName);
        using var timers = new TimerFdQueue();
        using var machine = MachineBuilder.Build(hypervisor, new MachineConfig
        {
            MemoryBytes = 32 << 20,
            Irqchip = irqchip,
            Kernel = PvhKernel.Parse(source),
            CommandLine = $"count={count} kind={kind}",
            ConsoleOutput = new Silence(),
            ConsoleInput = new ConsoleInputBuffer(),
            Timers = timers,
            Timeout = TimeSpan.FromMinutes(1),
        });
        var before = GC.GetTotalAllocatedBytes(precise: true);
        var outcome = machine.Run();
        var after = GC.GetTotalAllocatedBytes(precise: true);
        var exits = outcome.Vcpus[0].Total;
        if (outcome.Verdict.Kind != VerdictKind.PowerOff || exits < count)
        {
            throw new InvalidOperationException($"the guest ended as {outcome.Verdict.Name} after {exits} exits");
        }

        return after - before;
    }
}
