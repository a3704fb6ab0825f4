using System.CommandLine;
using HvRunner.Abstractions;
using HvRunner.Soft;

namespace HvRunner.Cli;

/// <summary>The options that say on what a guest runs, for the commands that run one. What does not go together is refused here, before anything is opened.</summary>
internal sealed class HypervisorOptions
{
    private const string Variable = "HVRUN_HYPERVISOR";

    private readonly Option<string?> _hypervisor = RunOptions.Text(
        "--hypervisor", "NAME", "auto, kvm, or soft: hvrun's own processor, which needs no virtualization; default auto, which is kvm, or what HVRUN_HYPERVISOR says.");

    private readonly Option<string?> _irqchip = RunOptions.Text(
        "--irqchip", "MODE", "Where the interrupt controllers live: auto, kernel (kvm only) or user (soft only); default auto.");

    private readonly Option<string?> _clock = RunOptions.Text(
        "--clock",
        "CLOCK",
        "With soft: real (the guest's time is the host's) or virtual (an instruction takes 1 ns, an access to a device 1 us more, waiting takes no time of the host, the date starts at 2000-01-01); default real. " +
        "With virtual, two runs of a guest with the same input are identical. It takes input when it waits for some, and time stands still until there is; write " +
        "< /dev/null when there is none. What is typed on a terminal comes when it comes.");

    internal IEnumerable<Option> All => [_hypervisor, _irqchip, _clock];

    internal HypervisorSettings Read(ParseResult result, Faults faults)
    {
        var given = RunOptions.ValueOf(result, _hypervisor);
        var fromEnvironment = Environment.GetEnvironmentVariable(Variable);
        var name = given ?? (string.IsNullOrEmpty(fromEnvironment) ? null : fromEnvironment);
        var isSoft = RunOptions.Choice(name, "auto", given is null ? Variable : "--hypervisor", ["auto", "kvm", SoftHypervisor.ShortName], faults) == SoftHypervisor.ShortName;
        CheckIrqchip(RunOptions.ValueOf(result, _irqchip), isSoft, faults);
        var isVirtual = RunOptions.Choice(RunOptions.ValueOf(result, _clock), "real", "--clock", ["real", "virtual"], faults) == "virtual";
        if (isVirtual && !isSoft)
        {
            faults.Usage("--clock: virtual was expected together with --hypervisor soft, found without; other hypervisors know the host's time only.");
        }

        return isSoft ? new HypervisorSettings(true, isVirtual, IrqchipMode.User) : HypervisorSettings.Kvm;
    }

    private static void CheckIrqchip(string? irqchip, bool isSoft, Faults faults)
    {
        string[] offered = ["auto", isSoft ? "user" : "kernel"];
        if (irqchip is not null && !offered.Contains(irqchip))
        {
            faults.Usage($"--irqchip: {(isSoft ? "the soft processor" : "this hvrun on kvm")} offers {string.Join(", ", offered)}; found '{irqchip}'.");
        }
    }
}

/// <summary>On what a guest runs.</summary>
/// <param name="IsSoft">On hvrun's own processor, else on KVM.</param>
/// <param name="IsVirtualClock">Guest time is counted in instructions.</param>
/// <param name="Irqchip">Where the interrupt controllers live.</param>
internal sealed record HypervisorSettings(bool IsSoft, bool IsVirtualClock, IrqchipMode Irqchip)
{
    /// <summary>What runs a guest when nothing else is asked for.</summary>
    internal static HypervisorSettings Kvm { get; } = new(false, false, IrqchipMode.Kernel);
}
