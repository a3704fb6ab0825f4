// What cannot be measured from outside the process. Each benchmark prints lines of words and numbers, which tests/bench/run makes its table of.
using HvRunner.Abstractions;
using HvRunner.Bench;

const string Usage = """
    usage: HvRunner.Bench allocations PORT-LOOP.elf kvm|soft IRQCHIP KIND...
           HvRunner.Bench deadline
           HvRunner.Bench handler LATENCY.elf kvm|soft IRQCHIP...
    """;

switch (args)
{
    case ["allocations", var kernel, var hypervisor, var irqchip, .. var kinds] when Enum.TryParse<IrqchipMode>(irqchip, ignoreCase: true, out var mode):
        Allocations.Measure(kernel, hypervisor, mode, kinds);
        return 0;
    case ["deadline"]:
        DeadlineLateness.Measure();
        return 0;
    case ["handler", var kernel, var hypervisor, .. var modes]:
        HandlerLatency.Measure(kernel, hypervisor, [.. modes.Select(mode => Enum.Parse<IrqchipMode>(mode, ignoreCase: true))]);
        return 0;
    default:
        Console.Error.WriteLine(Usage);
        return 64;
}
