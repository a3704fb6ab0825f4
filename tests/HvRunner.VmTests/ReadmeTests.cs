using System.Diagnostics;
using System.Text.RegularExpressions;
using HvRunner.VmTests.Harness;

namespace HvRunner.VmTests;

/// <summary>
/// The README's page for CI users: its commands are taken from it and run, in a folder with a script to test and hvrun's sources beside it. What they
/// ask of a CI system (fetching the sources, root, a container) is not there, and is left out by name.
/// </summary>
public sealed partial class ReadmeTests : IDisposable
{
    private const string Clone = "git clone --depth 1 \"$HVRUN_REPOSITORY\" hvrun";

    private readonly TemporaryDirectory _folder = new();
    private readonly Dictionary<string, string> _environment = new(StringComparer.Ordinal);

    public ReadmeTests()
    {
        Directory.CreateDirectory(_folder.File("tests"));
        for (var i = 0; i < 6; i++)
        {
            File.WriteAllText(_folder.File($"tests/{i}.vmtest.yaml"), $"kernel: {Artifacts.Guest("endings")}\ncmdline: end=poweroff\nmemory: 16M\n");
        }

        File.CreateSymbolicLink(_folder.File("hvrun"), RepositoryRoot);
        _environment["HVRUN_HYPERVISOR"] = "soft";
    }

    private static string RepositoryRoot => Artifacts.Root;

    [Fact]
    public async Task GitHubActions_RunsEachCaseInOneOfItsShards()
    {
        var commands = RunLine().Matches(Block("# .github/workflows/vm-tests.yml")).Select(match => match.Groups["command"].Value.Trim('\'')).ToList();
        Assert.Contains(Clone, commands);
        _environment["GITHUB_ENV"] = _folder.File("github-env");
        _environment.Remove("HVRUN_HYPERVISOR");
        var passed = 0;
        foreach (var shard in (string[])["1", "2"])
        {
            foreach (var command in commands.Where(command => command != Clone))
            {
                // Nobody is root here, as where there is no KVM.
                var output = await ShellAsync($"sudo() {{ false; }}; {command.Replace("${{ matrix.shard }}", shard, StringComparison.Ordinal)}");
                passed += PassedOf(output);
                TakeEnvironment();
            }
        }

        Assert.Equal(6, passed);
        Assert.True(File.Exists(_folder.File("results.xml")));
    }

    [Fact]
    public async Task GitLab_RunsEachCaseInOneOfItsJobs()
    {
        var block = Block("# .gitlab-ci.yml");
        Assert.Contains("HVRUN_HYPERVISOR: soft", block, StringComparison.Ordinal);
        var script = block[block.IndexOf("  script:\n", StringComparison.Ordinal)..block.IndexOf("  artifacts:\n", StringComparison.Ordinal)];
        var commands = ScriptLine().Matches(script).Select(match => match.Groups["command"].Value).ToList();
        Assert.Contains(Clone, commands);
        var passed = 0;
        _environment["CI_NODE_TOTAL"] = "2";
        foreach (var node in (string[])["1", "2"])
        {
            _environment["CI_NODE_INDEX"] = node;
            foreach (var command in commands.Where(command => command != Clone))
            {
                passed += PassedOf(await ShellAsync(command));
            }
        }

        Assert.Equal(6, passed);
        Assert.True(File.Exists(_folder.File("results.xml")));
    }

    [Fact]
    public async Task Container_RunsTheFileThatTheBuildNames()
    {
        var block = Block("hvrun=$(hvrun/src/hvrun --build)");
        Assert.Contains("docker run --rm ", block, StringComparison.Ordinal);

        // The container: the file under its name there, in the same folder.
        var output = await ShellAsync($"docker() {{ while [ \"$1\" != debian:12 ]; do shift; done; shift 2; \"$hvrun\" \"$@\"; }}; {block}");
        Assert.Equal(6, PassedOf(output));
    }

    [Fact]
    public async Task Script_OfTheReadmePasses()
    {
        Directory.CreateDirectory(_folder.File("build"));
        File.CreateSymbolicLink(_folder.File("build/vmlinux"), Artifacts.Linux);
        File.CreateSymbolicLink(_folder.File("build/initramfs.cpio"), Artifacts.Initramfs);
        File.WriteAllText(_folder.File("shell.vmtest.yaml"), Block("# shell.vmtest.yaml"));
        var output = await ShellAsync("hvrun/src/hvrun test shell.vmtest.yaml");
        Assert.Matches(@"\Aok   shell  \d+\.\d\d s, sub-cases: 3 passed, 0 failed, 0 skipped\n1 passed, 0 failed, 0 skipped\n\z", output);
    }

    public void Dispose() => _folder.Dispose();

    /// <summary>The README's block that begins with this line.</summary>
    private static string Block(string firstLine)
    {
        var readme = File.ReadAllText(Path.Combine(RepositoryRoot, "README.md"));
        var start = readme.IndexOf(firstLine + "\n", StringComparison.Ordinal);
        Assert.True(start >= 0, $"the README has no block that begins with '{firstLine}'");
        return readme[start..readme.IndexOf("```", start, StringComparison.Ordinal)];
    }

    private static int PassedOf(string output) => Summary().Match(output) is { Success: true } summary
        ? int.Parse(summary.Groups["passed"].Value, System.Globalization.CultureInfo.InvariantCulture)
        : 0;

    private void TakeEnvironment()
    {
        foreach (var line in File.Exists(_environment["GITHUB_ENV"]) ? File.ReadAllLines(_environment["GITHUB_ENV"]) : [])
        {
            _environment[line.Split('=')[0]] = line.Split('=')[1];
        }
    }

    private async Task<string> ShellAsync(string command)
    {
        var start = new ProcessStartInfo("bash", ["-c", command]) { WorkingDirectory = _folder.File("."), RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment.Remove("HVRUN_HYPERVISOR");
        foreach (var (name, value) in _environment)
        {
            start.Environment[name] = value;
        }

        using var shell = Process.Start(start)!;
        var error = shell.StandardError.ReadToEndAsync();
        var output = await shell.StandardOutput.ReadToEndAsync();
        await shell.WaitForExitAsync();
        Assert.True(shell.ExitCode == 0, $"{command}\nended with {shell.ExitCode}:\n{output}{await error}");
        return output;
    }

    [GeneratedRegex(@"^      - run: (?<command>.*)$", RegexOptions.Multiline)]
    private static partial Regex RunLine();

    [GeneratedRegex(@"^    - (?<command>.*)$", RegexOptions.Multiline)]
    private static partial Regex ScriptLine();

    [GeneratedRegex(@"^(?<passed>\d+) passed, 0 failed, 0 skipped$", RegexOptions.Multiline)]
    private static partial Regex Summary();
}
