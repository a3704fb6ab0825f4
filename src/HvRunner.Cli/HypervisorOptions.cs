using System.CommandLine;

namespace HvRunner.Cli;

/// <summary>The options that say on what a guest runs, for the commands that run one.</summary>
internal sealed class HypervisorOptions
{
    private readonly Option<string?> _hypervisor = RunOptions.Text(
        "--hypervisor", "NAME", "auto, kvm, or soft: hvrun's own processor, which needs no virtualization; default auto, which is kvm, or what HVRUN_HYPERVISOR says.");

    private readonly Option<string?> _irqchip = RunOptions.Text(
        "--irqchip", "MODE", "Where the interrupt controllers live: kernel (all in kvm), split (local APICs in kvm, IO-APIC and 8259s in hvrun), user (all in hvrun), or auto, which is kernel with kvm and user with soft; default auto.");

    private readonly Option<string?> _clock = RunOptions.Text(
        "--clock",
        "CLOCK",
        "With soft: real (the guest's time is the host's) or virtual (an instruction takes 1 ns, an access to a device 1 us more, waiting takes no time of the host, the date starts at 2000-01-01); default real. " +
        "With virtual, two runs of a guest with the same input are identical. It takes input when it waits for some, and time stands still until there is; write " +
        "< /dev/null when there is none. What is typed on a terminal comes when it comes.");

    internal IEnumerable<Option<string?>> All => [_hypervisor, _irqchip, _clock];
}
