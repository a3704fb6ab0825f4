using System.CommandLine;
using HvRunner.Abstractions;
using HvRunner.Kvm;
using HvRunner.Launch;
using HvRunner.Machine;
using HvRunner.Machine.Probes;

namespace HvRunner.Cli;

/// <summary><c>hvrun doctor</c>: what this host can do, what is missing, and how to get it. Found by trying, not by name.</summary>
internal static class DoctorCommand
{
    internal static Command Create()
    {
        var json = new Option<bool>("--json") { Description = "One JSON object instead of text." };
        var command = new Command("doctor", "Says what this host can do, what is missing, how to get it, and what will be slow or wrong.") { json };
        command.SetAction(result => Execute(result.GetValue(json)));
        return command;
    }

    private static int Execute(bool asJson)
    {
        try
        {
            var findings = Examine(KvmHypervisor.Open);
            Tell(findings, asJson);
            return findings.ExitStatus;
        }
        catch (Exception exception)
        {
            return Ending.Tell(exception, Ending.VerdictOf(exception));
        }
    }

    private static void Tell(DoctorFindings findings, bool asJson)
    {
        using var told = new MemoryStream();
        if (asJson)
        {
            DoctorJson.Write(told, findings);
        }
        else
        {
            using var text = new StreamWriter(told, leaveOpen: true) { NewLine = "\n" };
            foreach (var line in DoctorText.Lines(findings))
            {
                text.WriteLine(line);
            }
        }

        StandardOutput.Write(told.WriteTo);
    }

    /// <summary>Finds everything out; a host that refuses is a finding.</summary>
    /// <param name="open">Opens KVM.</param>
    internal static DoctorFindings Examine(Func<KvmHypervisor> open)
    {
        var host = DoctorHost.Look();
        try
        {
            using var hypervisor = open();
            using var guest = CarriedGuest.Open("probe");
            var userCpuid = hypervisor.IrqchipModes.Contains(IrqchipMode.User) ? hypervisor.GetSupportedCpuid(IrqchipMode.User) : null;
            return new DoctorFindings
            {
                Host = host,
                Kvm = new DoctorKvm(hypervisor.ApiVersion, hypervisor.MaxVcpus, hypervisor.IrqchipModes, KvmCapability.ListOf(hypervisor))
                {
                    HasTscDeadlineInUserMode = userCpuid is null ? null : GuestCpuid.HasTscDeadline(userCpuid),
                    CanSetCounterInUserMode = userCpuid is null ? null : !hypervisor.IsTimestampFixed,
                },
                Probe = HostProbe.Run(hypervisor, guest),
            };
        }
        catch (HypervisorException exception)
        {
            return new DoctorFindings
            {
                Host = host,
                Refusal = exception.Message,
                IsPermission = exception is HypervisorUnavailableException { IsPermission: true },
            };
        }
    }
}
