using System.Globalization;
using System.Text.RegularExpressions;
using HvRunner.Kvm;

namespace HvRunner.Cli.Tests;

public sealed partial class KvmCapabilityTests
{
    private const string Header = "/usr/include/linux/kvm.h";

    [DoctorFact(NeedsKvm = true, NeedsFile = Header)]
    public void Numbers_AreThoseOfTheKernelsHeader()
    {
        var defined = Definition().Matches(File.ReadAllText(Header)).ToDictionary(match => match.Groups[1].Value, match => uint.Parse(match.Groups[2].Value, CultureInfo.InvariantCulture));
        using var hypervisor = KvmHypervisor.Open();
        Assert.All(KvmCapability.ListOf(hypervisor), one => Assert.Equal(defined[one.Name], one.Number));
    }

    [DoctorFact(NeedsKvm = true)]
    public void List_ShowsWhatHvRunNeedsAsPresent()
    {
        using var hypervisor = KvmHypervisor.Open();
        var capabilities = KvmCapability.ListOf(hypervisor);

        Assert.All(["KVM_CAP_IRQCHIP", "KVM_CAP_USER_MEMORY", "KVM_CAP_XSAVE"], name => Assert.True(capabilities.Single(one => one.Name == name).IsPresent));
        Assert.Equal(hypervisor.MaxVcpus, capabilities.Single(one => one.Name == "KVM_CAP_MAX_VCPUS").Value);
    }

    [DoctorFact(NeedsKvm = true)]
    public void Doctor_GetsToEverythingOnARealHost()
    {
        var findings = DoctorCommand.Examine(KvmHypervisor.Open);

        Assert.Equal(0, findings.ExitStatus);
        Assert.Null(findings.Probe!.Failure);
        Assert.NotNull(findings.Probe.SoftwareAssisted);
        Assert.NotNull(findings.Probe.InServiceBitsKept);
        Assert.NotNull(findings.Probe.PriorityHeld);
        Assert.True(findings.Probe.TscAdvances);
    }

    [GeneratedRegex(@"^#define (KVM_CAP_\w+)\s+(\d+)", RegexOptions.Multiline)]
    private static partial Regex Definition();
}
