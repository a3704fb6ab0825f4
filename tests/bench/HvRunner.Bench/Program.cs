// What an exit allocates: runs the guest port-loop with two counts of accesses and divides what the longer run allocated more by the exits that it
// made more, so that building, starting and ending a machine cancel out. Both last longer than the interval at which the machine looks after its
// vCPUs, so that what the first such look allocates cancels out too. Prints one line for each kind of access: its name, then the median, the least
// and the most of the bytes an exit.
//
// Not measured here: time, which is the native binary's business.
using System.Globalization;
using HvRunner.Boot;
using HvRunner.Boot.Pvh;
using HvRunner.Chipset.Serial;
using HvRunner.Host;
using HvRunner.Kvm;
using HvRunner.Machine;
using HvRunner.Machine.Verdicts;

const int FewExits = 10_000;
const int ManyExits = 30_000;
const int Rounds = 5;

if (args.Length != 1)
{
    Console.Error.WriteLine("usage: HvRunner.Bench PORT-LOOP.elf");
    return 64;
}

foreach (var kind in new[] { "out", "in", "mmio" })
{
    AllocatedBy(args[0], kind, FewExits);
    var perExit = new double[Rounds];
    for (var i = 0; i < Rounds; i++)
    {
        var few = AllocatedBy(args[0], kind, FewExits);
        var many = AllocatedBy(args[0], kind, ManyExits);
        perExit[i] = (many - few) / (double)(ManyExits - FewExits);
    }

    Array.Sort(perExit);
    Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{kind} {perExit[Rounds / 2]:0.####} {perExit[0]:0.####} {perExit[^1]:0.####}"));
}

return 0;

// Bytes that the whole process allocates while the guest runs, the threads of its vCPU and of the machine included.
static long AllocatedBy(string kernelPath, string kind, int count)
{
    using var source = new FileImageSource(kernelPath);
    using var hypervisor = KvmHypervisor.Open();
    using var timers = new TimerFdQueue();
    using var machine = MachineBuilder.Build(hypervisor, new MachineConfig
    {
        MemoryBytes = 32 << 20,
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

/// <summary>Takes the console's output and drops it.</summary>
internal sealed class Silence : ISerialOutput
{
    public void Write(ReadOnlySpan<byte> data)
    {
    }
}
