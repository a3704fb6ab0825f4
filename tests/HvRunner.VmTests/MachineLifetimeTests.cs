using System.Globalization;
using HvRunner.Boot;
using HvRunner.Boot.Pvh;
using HvRunner.Chipset.Serial;
using HvRunner.Host;
using HvRunner.Kvm;
using HvRunner.Machine;
using HvRunner.Machine.Verdicts;
using HvRunner.VmTests.Harness;

namespace HvRunner.VmTests;

/// <summary>Machines that start and end inside one process, as a library's user has them, leave nothing behind.</summary>
public sealed class MachineLifetimeTests
{
    private const ulong MemoryBytes = 256UL << 20;
    private const int WarmUp = 10;
    private const int Rounds = 100;

    [VmFact]
    public void Machines_LeaveNoDescriptorThreadOrMappingBehind()
    {
        for (var i = 0; i < WarmUp; i++)
        {
            RunOne(i);
        }

        var before = Traces.Now();
        for (var i = 0; i < Rounds; i++)
        {
            RunOne(i);
        }

        var after = Traces.Now();
        Assert.Equal(before.Descriptors, after.Descriptors);
        Assert.Equal(before.Threads, after.Threads);
        Assert.Equal(before.VcpuMappings, after.VcpuMappings);

        // The runtime's own heap may grow, but not by a guest's memory for every few machines.
        Assert.InRange(after.AddressSpaceBytes - before.AddressSpaceBytes, long.MinValue, (long)MemoryBytes * Rounds / 10);
    }

    [VmFact]
    public void Machine_ThatWasNeverRunLeavesNothingBehind()
    {
        Build(Discard.Instance, "poweroff", (_, _) => { });
        var before = Traces.Now();
        for (var i = 0; i < 20; i++)
        {
            Build(Discard.Instance, "poweroff", (_, _) => { });
        }

        var after = Traces.Now();
        Assert.Equal(before.Descriptors, after.Descriptors);
        Assert.Equal(before.Threads, after.Threads);
        Assert.Equal(before.VcpuMappings, after.VcpuMappings);
    }

    [VmFact]
    public void Interrupt_BeforeTheRunEndsItAtOnce()
    {
        Build(Discard.Instance, "spin", (machine, _) =>
        {
            machine.Interrupt("early");
            Assert.Equal(VerdictKind.Interrupted, machine.Run().Verdict.Kind);
        });
    }

    [VmFact]
    public void Interrupt_AfterTheEndChangesNothing()
    {
        Build(Discard.Instance, "status:9", (machine, _) =>
        {
            var outcome = machine.Run();
            machine.Interrupt("late");
            Assert.Equal(new Verdict(VerdictKind.GuestStatus, outcome.Verdict.Sentence, 9, 9), outcome.Verdict);
        });
    }

    /// <summary>A guest that ends itself and one that has to be interrupted, in turns, with one to three vCPUs.</summary>
    private static void RunOne(int number)
    {
        var interrupt = number % 2 == 1;
        ISerialOutput output = interrupt ? new FirstByte() : Discard.Instance;
        Build(output, interrupt ? "spin" : "poweroff", (machine, _) =>
        {
            if (output is FirstByte first)
            {
                first.Seen = () => machine.Interrupt("the test has seen enough");
            }

            Assert.Equal(interrupt ? VerdictKind.Interrupted : VerdictKind.PowerOff, machine.Run().Verdict.Kind);
        }, 1 + (number % 3));
    }

    private static void Build(ISerialOutput output, string ending, Action<Machine.Machine, KvmHypervisor> use, int vcpus = 1)
    {
        using var source = new FileImageSource(Artifacts.Guest("endings"));
        using var hypervisor = KvmHypervisor.Open();
        using var timers = new TimerFdQueue();
        using var machine = MachineBuilder.Build(hypervisor, new MachineConfig
        {
            MemoryBytes = MemoryBytes,
            VcpuCount = vcpus,
            Kernel = PvhKernel.Parse(source),
            CommandLine = $"end={ending}",
            ConsoleOutput = output,
            ConsoleInput = new ConsoleInputBuffer(),
            Timers = timers,
            Timeout = TimeSpan.FromSeconds(20),
        });
        use(machine, hypervisor);
    }

    /// <summary>What machines take from the host.</summary>
    private sealed record Traces(int Descriptors, int Threads, int VcpuMappings, long AddressSpaceBytes)
    {
        internal static Traces Now() => new(
            Directory.GetFiles("/proc/self/fd").Count(IsAMachines),
            Directory.GetDirectories("/proc/self/task").Count(task => IsAMachinesThread(Path.Combine(task, "comm"))),
            File.ReadLines("/proc/self/maps").Count(line => line.Contains("kvm", StringComparison.Ordinal)),
            long.Parse(File.ReadAllText("/proc/self/statm").Split(' ')[0], CultureInfo.InvariantCulture) * Environment.SystemPageSize);

        private static bool IsAMachines(string descriptor) =>
            new FileInfo(descriptor).LinkTarget is { } target &&
            (target.Contains("kvm", StringComparison.Ordinal) || target.Contains("eventfd", StringComparison.Ordinal) ||
                target.Contains("timerfd", StringComparison.Ordinal) || target.EndsWith(".elf", StringComparison.Ordinal));

        private static bool IsAMachinesThread(string name)
        {
            try
            {
                var text = File.ReadAllText(name);
                return text.StartsWith("vcpu", StringComparison.Ordinal) || text.StartsWith("timers", StringComparison.Ordinal);
            }
            catch (IOException)
            {
                // It ended while the directory was read.
                return false;
            }
        }
    }

    private sealed class Discard : ISerialOutput
    {
        internal static readonly Discard Instance = new();

        public void Write(ReadOnlySpan<byte> data)
        {
        }
    }

    private sealed class FirstByte : ISerialOutput
    {
        internal Action Seen { get; set; } = () => { };

        public void Write(ReadOnlySpan<byte> data) => Seen();
    }
}
