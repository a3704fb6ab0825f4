using HvRunner.VmTests.Harness;

namespace HvRunner.VmTests;

/// <summary>The guests pass on QEMU's own emulation too, which shares no code with hvrun or KVM: what fails there is the guest's fault.</summary>
public sealed class SecondMachineTests
{
    [Theory]
    [InlineData("guests/check-on-qemu")]
    [InlineData("guests/linux/check-on-qemu")]
    [InlineData("guests/debian/check-on-qemu")]
    public async Task Guests_PassOnQemu(string script)
    {
        var result = await HvrunProcess.RunAsync(new HvrunStart { Program = Path.Combine(Artifacts.Root, script), Limit = TimeSpan.FromMinutes(5) });
        Artifacts.Measured($"{script}: {result.Duration.TotalSeconds:F1} s");
        result.True(result.Status == 0, "every point was expected to pass");
        Assert.DoesNotContain("not ok", result.Text.Split('\n').Select(line => line.Length >= 6 ? line[..6] : line));
        Assert.Contains("ok ", result.Text, StringComparison.Ordinal);
    }
}
