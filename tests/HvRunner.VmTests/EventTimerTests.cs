using System.Text;
using HvRunner.Abstractions;
using HvRunner.Boot;
using HvRunner.Boot.Pvh;
using HvRunner.Chipset.Serial;
using HvRunner.Host;
using HvRunner.Machine;
using HvRunner.Machine.Verdicts;
using HvRunner.Soft;
using HvRunner.VmTests.Harness;
using Xunit.Abstractions;

namespace HvRunner.VmTests;

/// <summary>
/// The timers that come with ACPI's tables, HPET and PM timer, by guests/interrupts. No option of hvrun asks for these tables yet, so the machine is built here.
/// </summary>
public sealed class EventTimerTests(ITestOutputHelper output)
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Guest_FindsThemAndTheyKeepTheRules(int processors)
    {
        var console = new Listener();
        using var hypervisor = new SoftHypervisor();
        using var timers = new TimerFdQueue();
        using var kernel = new FileImageSource(Artifacts.Guest("interrupts"));
        using var machine = MachineBuilder.Build(hypervisor, new MachineConfig
        {
            MemoryBytes = MachineLayout.MinMemoryBytes,
            VcpuCount = processors,
            Irqchip = IrqchipMode.User,
            Acpi = true,
            Kernel = PvhKernel.Parse(kernel),
            CommandLine = $"section=hpet,pit,clocks cpus={processors}",
            ConsoleOutput = console,
            ConsoleInput = new NoSerialInput(),
            Timers = timers,
            Timeout = Limit,
        });
        var verdict = machine.Run().Verdict;
        output.WriteLine(console.Text);
        Assert.Equal(VerdictKind.PowerOff, verdict.Kind);
        Assert.Contains(" - hpet: level: it comes again after each EOI until its status is cleared\n", console.Text, StringComparison.Ordinal);
        Assert.Contains(" - clocks: the PM timer agrees\n", console.Text, StringComparison.Ordinal);
    }

    private sealed class Listener : ISerialOutput
    {
        private readonly StringBuilder _text = new();

        internal string Text => _text.ToString();

        public void Write(ReadOnlySpan<byte> data) => _text.Append(Encoding.ASCII.GetString(data));
    }
}
