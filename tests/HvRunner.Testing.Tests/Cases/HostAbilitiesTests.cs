using HvRunner.Abstractions;
using HvRunner.Launch;
using HvRunner.Testing.Cases;

namespace HvRunner.Testing.Tests.Cases;

/// <summary>Which cases are skipped on which host. Soft is everywhere; what is said of KVM is held against whether it opens here.</summary>
public class HostAbilitiesTests
{
    private static readonly HypervisorSettings Soft = new(IsSoft: true, IsVirtualClock: false, IrqchipMode.User);

    private readonly HostAbilities _abilities = new();

    [Theory]
    [InlineData("hypervisor")]
    [InlineData("user-space")]
    [InlineData("soft")]
    public void Soft_IsOnEveryHost(string required) => Assert.Null(_abilities.WhyNot(required, Soft));

    [Theory]
    [InlineData("kvm", "requires kvm, and runs on soft")]
    [InlineData("hardware", "requires hardware, and runs on soft")]
    public void Soft_IsNothingElse(string required, string reason) => Assert.Equal(reason, _abilities.WhyNot(required, Soft));

    [Fact]
    public void Kvm_IsNotSoft() => Assert.Equal("requires soft, and runs on kvm", _abilities.WhyNot("soft", HypervisorSettings.Kvm));

    [Theory]
    [InlineData("hypervisor")]
    [InlineData("kvm")]
    public void Kvm_IsWhereItOpens(string required)
    {
        var refusal = HostAbilities.Refusal(HypervisorSettings.Kvm);
        Assert.Equal(refusal is null ? null : $"requires {required}: {refusal.Message}", _abilities.WhyNot(required, HypervisorSettings.Kvm));
    }

    [Fact]
    public void UserSpace_NeedsWhatHardwareIsOnKvm() => Assert.Equal(
        _abilities.WhyNot("hardware", HypervisorSettings.Kvm)?.Replace("hardware", "user-space", StringComparison.Ordinal),
        _abilities.WhyNot("user-space", HypervisorSettings.Kvm));
}
