namespace HvRunner.VmTests.Harness;

/// <summary>A directory for one test's files, gone afterwards.</summary>
internal sealed class TemporaryDirectory : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("hvrun-vmtests-");

    internal string File(string name) => Path.Combine(_directory.FullName, name);

    internal string File(string name, ReadOnlySpan<byte> content)
    {
        var path = File(name);
        System.IO.File.WriteAllBytes(path, content);
        return path;
    }

    public void Dispose() => _directory.Delete(recursive: true);
}
