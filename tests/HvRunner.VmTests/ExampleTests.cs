using HvRunner.VmTests.Harness;

namespace HvRunner.VmTests;

/// <summary>The example of a script, as it stands there for readers. The example project is tested with the packages that it takes.</summary>
public class ExampleTests
{
    [Fact]
    public async Task Script_Passes()
    {
        Assert.True(File.Exists(Artifacts.Guest("echo")));
        var result = await HvrunProcess.RunAsync("test", Path.Combine(Artifacts.Root, "tests", "examples", "script"));
        result.True(result.Status == 0, "status 0 was expected");
        Assert.Contains("1 passed, 0 failed, 0 skipped", result.Text, StringComparison.Ordinal);
    }
}
