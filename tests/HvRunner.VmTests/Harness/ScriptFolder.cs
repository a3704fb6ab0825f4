using System.Text.Json;

namespace HvRunner.VmTests.Harness;

/// <summary>A folder of scripts for <c>hvrun test</c> on hvrun's own processor, with a place for what it writes; gone afterwards.</summary>
internal sealed class ScriptFolder : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    /// <summary>With one script, <c>one.vmtest.yaml</c>.</summary>
    internal ScriptFolder(string text)
        : this(("one", text))
    {
    }

    /// <summary>With scripts of these names.</summary>
    internal ScriptFolder(params (string Name, string Text)[] scripts)
    {
        Directory.CreateDirectory(Folder);
        foreach (var (name, text) in scripts)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Script(name))!);
            System.IO.File.WriteAllText(Script(name), text);
        }
    }

    /// <summary>The folder of the scripts.</summary>
    internal string Folder => _directory.File("scripts");

    /// <summary>Where failed cases leave their folders.</summary>
    internal string ArtifactsRoot => _directory.File("artifacts");

    /// <summary>The folders that failed cases left, in the order of their names.</summary>
    internal string[] Kept => Directory.Exists(ArtifactsRoot) ? [.. Directory.GetDirectories(ArtifactsRoot).Order(StringComparer.Ordinal)] : [];

    /// <summary>A script that boots the endings guest to this end on the soft processor; more keys stand behind.</summary>
    internal static string Ending(string end, string rest = "") =>
        $"kernel: {Artifacts.Guest("endings")}\ncmdline: end={end}\nmemory: 16M\nhypervisor: soft\ntimeout: 30s\n{rest}";

    /// <summary>A script that boots another guest there.</summary>
    internal static string Guest(string name, string rest = "") =>
        $"kernel: {Artifacts.Guest(name)}\ncmdline: \"\"\nmemory: 16M\nhypervisor: soft\ntimeout: 30s\n{rest}";

    /// <summary>A script that boots Linux to its shell there; the rest begins behind the prompt.</summary>
    internal static string Shell(string rest, string words = "") =>
        $"kernel: {Artifacts.Linux}\ninitrd: {Artifacts.Initramfs}\ncmdline: console=ttyS0 hvrun.shell{words}\nmemory: 128M\nhypervisor: soft\ntimeout: 60s\n" +
        $"prompt: 'hvrun# '\n{rest}";

    /// <summary>A file beside the scripts, in none of their folders.</summary>
    internal string File(string name) => _directory.File(name);

    internal string Script(string name) => Path.Combine(Folder, $"{name}.vmtest.yaml");

    /// <summary>The arguments that run the scripts.</summary>
    internal string[] Arguments(params string[] options) => ["test", Folder, "--artifacts", ArtifactsRoot, .. options];

    internal Task<HvrunResult> RunAsync(params string[] options) => HvrunProcess.RunAsync(Arguments(options));

    /// <summary>Runs them and reads what <c>--json</c> says of each case.</summary>
    internal async Task<(HvrunResult Result, JsonElement[] Cases)> RunWithJsonAsync(params string[] options)
    {
        var file = File("results.json");
        var result = await RunAsync([.. options, "--json", file]);
        result.True(System.IO.File.Exists(file), "results were expected");
        using var document = JsonDocument.Parse(await System.IO.File.ReadAllBytesAsync(file));
        return (result, [.. document.RootElement.GetProperty("cases").EnumerateArray().Select(one => one.Clone())]);
    }

    /// <summary>Runs the one case; fails unless it failed with this sentence. The folder that it left stays.</summary>
    internal async Task<HvrunResult> FailsAsync(string sentence, params string[] options)
    {
        var result = await RunAsync(options);
        result.True(result.Status == 1, "status 1 was expected");
        result.Prints("0 passed, 1 failed, 0 skipped\n");
        result.Prints(sentence);
        return result;
    }

    /// <summary>Runs the scripts; fails unless so many cases passed and no other was there.</summary>
    internal async Task<HvrunResult> PassesAsync(int count, params string[] options)
    {
        var result = await RunAsync(options);
        result.True(result.Status == 0, "status 0 was expected");
        result.Prints($"{count} passed, 0 failed, 0 skipped\n");
        return result;
    }

    public void Dispose() => _directory.Dispose();
}
