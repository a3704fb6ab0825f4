using HvRunner.Abstractions;
using HvRunner.Testing.Scripts;

namespace HvRunner.Testing.Tests.Scripts;

/// <summary>Which files a path stands for, and how faults of several files come together. On a tree of its own that is removed again.</summary>
public sealed class ScriptDiscoveryTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("hvrun-scripts-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void Folder_StandsForAllScriptsBelowItInOrdinalOrder()
    {
        Write("b.vmtest.yaml", "a/z.vmtest.yaml", "a/b/c.vmtest.yaml", "a-b.vmtest.yaml", "B.vmtest.yaml", "notes.yaml", "x.vmtest.yml", "vmtest.yaml");
        Assert.Equal(["B.vmtest.yaml", "a-b.vmtest.yaml", "a/b/c.vmtest.yaml", "a/z.vmtest.yaml", "b.vmtest.yaml"], Names(_root));
    }

    [Fact]
    public void HiddenAndBuilt_AreSkippedBelowAFolderOnly()
    {
        Write(".git/a.vmtest.yaml", "bin/b.vmtest.yaml", "x/obj/c.vmtest.yaml", ".d.vmtest.yaml", "x/bins/e.vmtest.yaml");
        Assert.Equal(["x/bins/e.vmtest.yaml"], Names(_root));
        Assert.Equal(["b.vmtest.yaml", "a.vmtest.yaml", ".d.vmtest.yaml"], Names(In("bin"), In(".git"), In(".d.vmtest.yaml")));
    }

    [Fact]
    public void LoopsOfLinks_AreNotWalked()
    {
        Write("a/x.vmtest.yaml");
        Directory.CreateSymbolicLink(In("a/up"), _root);
        Directory.CreateSymbolicLink(In("a/self"), "self");
        File.CreateSymbolicLink(In("round.vmtest.yaml"), "round.vmtest.yaml");
        var set = Load(_root);
        Assert.Equal("a/x.vmtest.yaml", Assert.Single(set.Cases).Script.RelativePath);
        Assert.Equal(In("round.vmtest.yaml"), Assert.Single(set.Faults).File);
    }

    [Fact]
    public void File_CountsOnceWhateverLeadsToIt()
    {
        Write("a/x.vmtest.yaml", "a/y.vmtest.yaml");
        Directory.CreateSymbolicLink(In("link"), "a");
        File.CreateSymbolicLink(In("a/z.vmtest.yaml"), "../link/x.vmtest.yaml");
        Assert.Equal(["x.vmtest.yaml", "y.vmtest.yaml"], Names(In("a"), In("link"), In("a/../a/x.vmtest.yaml"), In("link/y.vmtest.yaml"), _root));
    }

    [Fact]
    public void PathsOfMessages_AreAsGiven()
    {
        Write("a/x.vmtest.yaml");
        var given = Path.GetRelativePath(Directory.GetCurrentDirectory(), _root);
        var script = Assert.Single(Load(given).Cases).Script;
        Assert.Equal((Path.Join(given, "a/x.vmtest.yaml"), In("a/x.vmtest.yaml")), (script.Path, script.FullPath));
    }

    [Fact]
    public void File_MayHaveAnyName()
    {
        Write("boot.yaml");
        Assert.Equal("boot", Assert.Single(Load(In("boot.yaml")).Cases).FullName);
    }

    [Fact]
    public void PathToNothing_IsAFaultOfItsOwnKind()
    {
        Directory.CreateDirectory(In("empty"));
        Write("x.vmtest.yaml");
        var set = Load(In("missing"), In("empty"), "", In("x.vmtest.yaml"));
        Assert.Single(set.Cases);
        Assert.Equal(
            [$"{In("missing")}: there is no such file or folder.", $"{In("empty")}: expected scripts (*.vmtest.yaml) below this folder, found none.", "'': there is no such file or folder."],
            set.Faults.Select(fault => fault.ToString()));
        Assert.All(set.Faults, fault => Assert.Equal(InputFaultKind.NoInput, fault.Kind));
        Assert.Equal(InputFaultKind.NoInput, set.FaultKind);
    }

    [Fact]
    public void EveryFaultOfEveryFile_IsListedAtOnce()
    {
        Write("good.vmtest.yaml");
        File.WriteAllText(In("a.vmtest.yaml"), "kernel: k\nname:\ncpus: x\n");
        File.WriteAllText(In("b.vmtest.yaml"), "kernel: [\n");
        File.WriteAllText(In("c.vmtest.yaml"), "");
        File.WriteAllBytes(In("d.vmtest.yaml"), new byte[(1 << 20) + 1]);
        File.CreateSymbolicLink(In("e.vmtest.yaml"), "/dev/zero");
        File.CreateSymbolicLink(In("f.vmtest.yaml"), "nowhere");
        Directory.CreateDirectory(In("g.vmtest.yaml"));
        var set = Load(_root);
        Assert.Equal("good", Assert.Single(set.Cases).FullName);
        Assert.Equal(
            [
                "a.vmtest.yaml:2:6: expected a name, found nothing; a # behind a space begins a comment, and a text with one needs quotes.",
                "a.vmtest.yaml:3:7: expected a number, found 'x'.",
                "b.vmtest.yaml:2:1: this is not YAML: while parsing a node, did not find expected node content.",
                "c.vmtest.yaml: expected a script, found an empty file, a pipe or a device.",
                "d.vmtest.yaml: expected a script of at most 1 MiB, found more.",
                "e.vmtest.yaml: expected a script, found an empty file, a pipe or a device.",
                "f.vmtest.yaml: there is no such file.",
            ],
            set.Faults.Select(fault => fault.ToString()[(_root.Length + 1)..]));
    }

    [Fact]
    public void ScriptOfExactlyTheLimit_IsRead()
    {
        File.WriteAllText(In("x.vmtest.yaml"), "kernel: k\n".PadRight(1 << 20, '#').Insert(10, "\n")[..(1 << 20)]);
        Assert.Equal([], Load(In("x.vmtest.yaml")).Faults.Select(fault => fault.ToString()));
    }

    private static ScriptSet Load(params string[] paths) => ScriptLoader.Load(paths, new Reading());

    private static IEnumerable<string> Names(params string[] paths)
    {
        var set = Load(paths);
        Assert.Empty(set.Faults);
        return set.Cases.Select(one => one.Script.RelativePath);
    }

    private string In(string path) => Path.Join(_root, path);

    private void Write(params string[] paths)
    {
        foreach (var path in paths)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(In(path))!);
            File.WriteAllText(In(path), "kernel: k\n");
        }
    }
}
