using System.Globalization;
using HvRunner.Fakes;
using HvRunner.Kvm.Tests.Live;
using HvRunner.Machine.Verdicts;

namespace HvRunner.Kvm.Tests.Machines;

/// <summary>Machine after machine in one process, as a test suite has them: what they take from the host they give back.</summary>
[Collection(KvmDevice.Name)]
public class LeakTests
{
    private const ulong MemoryBytes = 256UL << 20;
    private const int Machines = 500;
    private const int WarmUp = 8;

    private static readonly Backend[] Kvm = [.. ((Backend[])[Backend.Kvm, Backend.KvmSplit, Backend.KvmUser]).Where(backend => KvmDevice.Modes.Contains(backend.Irqchip()))];
    private static readonly byte[] Ending = TinyKernel.Build(TinyCode.Exit(0));
    private static readonly byte[] Spinning = TinyKernel.Build([.. TinyCode.Say, .. TinyCode.Spin]);

    [Fact]
    public void Machines_LeaveNothingBehind()
    {
        for (var i = 0; i < WarmUp; i++)
        {
            RunOne(i);
        }

        var before = Taken.Now();
        for (var i = 0; i < Machines; i++)
        {
            RunOne(i);
        }

        // A thread that was joined may still be on its way out of the kernel.
        var after = Taken.Now();
        SpinWait.SpinUntil(() => (after = Taken.Now()).Threads <= before.Threads, TimeSpan.FromSeconds(2));
        Assert.Equal(before.Descriptors, after.Descriptors);
        Assert.Equal(before.Threads, after.Threads);
        Assert.Equal(before.VcpuMappings, after.VcpuMappings);

        // The runtime's own heaps may grow: the C library reserves 64 MiB for each of up to eight threads a processor that allocate at once. Guest RAM left
        // behind would be 125 GiB.
        Assert.InRange(after.AddressSpaceBytes - before.AddressSpaceBytes, long.MinValue, (long)MemoryBytes * Machines / 20);
    }

    /// <summary>By turns: each backend, a guest that ends itself, one that is ended, and one that is ended while it is paused.</summary>
    private static void RunOne(int number)
    {
        var backend = number % 2 == 0 || KvmDevice.Absence is not null ? number % 4 == 0 ? Backend.Soft : Backend.SoftVirtual : Kvm[number / 2 % Kvm.Length];
        var way = number / 4 % 3;
        using var rig = new MachineRig(backend, way == 0 ? Ending : Spinning, memoryBytes: MemoryBytes);
        if (way == 0)
        {
            rig.Start();
            rig.EndedWith(VerdictKind.PowerOff);
            return;
        }

        rig.StartAndHear();
        Assert.True(way == 1 || rig.Machine.Pause());
        rig.Machine.Interrupt("enough");
        rig.EndedWith(VerdictKind.Interrupted);
    }

    private sealed record Taken(int Descriptors, int Threads, int VcpuMappings, long AddressSpaceBytes)
    {
        internal static Taken Now() => new(
            Directory.GetFiles("/proc/self/fd").Count(IsAMachines),
            Directory.GetDirectories("/proc/self/task").Count(task => IsAMachinesThread(Path.Combine(task, "comm"))),
            File.ReadLines("/proc/self/maps").Count(line => line.Contains("kvm", StringComparison.Ordinal)),
            long.Parse(File.ReadAllText("/proc/self/statm").Split(' ')[0], CultureInfo.InvariantCulture) * Environment.SystemPageSize);

        private static bool IsAMachines(string descriptor) =>
            new FileInfo(descriptor).LinkTarget is { } target && (target.Contains("kvm", StringComparison.Ordinal) ||
                target.Contains("eventfd", StringComparison.Ordinal) || target.Contains("timerfd", StringComparison.Ordinal));

        private static bool IsAMachinesThread(string name)
        {
            try
            {
                var text = File.ReadAllText(name);
                return text.StartsWith("vcpu", StringComparison.Ordinal) || text.StartsWith("timers", StringComparison.Ordinal) || text.StartsWith("machine", StringComparison.Ordinal);
            }
            catch (IOException)
            {
                // It ended while the directory was read.
                return false;
            }
        }
    }
}
