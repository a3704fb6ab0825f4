using HvRunner.Abstractions;
using HvRunner.Boot.Pvh;

namespace HvRunner.Boot.Tests.Images;

public sealed class FileImageSourceTests : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("hvrun-boot-");

    public void Dispose() => _directory.Delete(recursive: true);

    private string PathOf(string name) => Path.Combine(_directory.FullName, name);

    private string Write(string name, byte[] bytes)
    {
        File.WriteAllBytes(PathOf(name), bytes);
        return PathOf(name);
    }

    private static void AssertRefused(string path, string fact)
    {
        var sentence = TestKernels.OnlySentence(() => new FileImageSource(path).Dispose(), InputFaultKind.NoInput);
        Assert.Contains(fact, sentence, StringComparison.Ordinal);
        Assert.Contains(path, sentence, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_MissingFileOrFolder()
    {
        AssertRefused(PathOf("none"), "there is no such file");
        AssertRefused(PathOf("none/none"), "there is no such file");
    }

    [Fact]
    public void Open_Directory() => AssertRefused(_directory.FullName, "directory");

    [Fact]
    public void Open_EmptyFile() => AssertRefused(Write("empty", []), "empty");

    [Fact]
    public void Open_EmptyPath() => AssertRefused("", "path is empty");

    [Fact]
    public void Open_PathWithNul() => AssertRefused("a\0b", "cannot be opened");

    [Fact]
    public void Open_BrokenLink()
    {
        File.CreateSymbolicLink(PathOf("link"), PathOf("none"));
        AssertRefused(PathOf("link"), "there is no such file");
    }

    [Fact]
    public void Open_FollowsLinks()
    {
        Write("file", TestKernels.Pattern(100));
        File.CreateSymbolicLink(PathOf("link"), "file");
        File.CreateSymbolicLink(PathOf("second"), PathOf("link"));
        using var source = new FileImageSource(PathOf("second"));
        Assert.Equal(100, source.LengthBytes);
        Assert.Equal(PathOf("second"), source.Name);
    }

    [Fact]
    public void Open_DeviceIsNoRegularFile()
    {
        if (OperatingSystem.IsLinux())
        {
            AssertRefused("/dev/zero", "not a regular file");
        }
    }

    [Fact]
    public void Read_IsNeverPartial()
    {
        using var source = new FileImageSource(Write("file", TestKernels.Pattern(100)));
        var bytes = new byte[10];
        Assert.True(source.TryRead(90, bytes));
        Assert.Equal(TestKernels.Pattern(100)[90..], bytes);
        Assert.True(source.TryRead(100, []));
        Assert.False(source.TryRead(91, bytes));
        Assert.False(source.TryRead(101, []));
        Assert.False(source.TryRead(-1, bytes));
        Assert.False(source.TryRead(long.MaxValue, bytes));
    }

    [Fact]
    public void Read_OfAFileThatBecameShorterFails()
    {
        var path = Write("file", TestKernels.Pattern(100));
        using var source = new FileImageSource(path);
        File.WriteAllBytes(path, TestKernels.Pattern(50));
        Assert.False(source.TryRead(40, new byte[20]));
    }

    [Fact]
    public void Kernel_IsBootedOutOfAFile()
    {
        using var source = new FileImageSource(Write("vmlinux", TestKernels.LinuxLike().Build()));
        var request = TestKernels.Request(PvhKernel.Parse(source));
        PvhBoot.Load(request);
        Assert.Equal(TestKernels.Pattern(0x800), TestKernels.Bytes(request.Memory, 0x200000, 0x800));
    }

    [Fact]
    public void Memory_IsNeverReadPartially()
    {
        using var source = new MemoryImageSource("m", TestKernels.Pattern(100));
        Assert.True(source.TryRead(90, new byte[10]));
        Assert.False(source.TryRead(91, new byte[10]));
        Assert.False(source.TryRead(101, []));
        Assert.False(source.TryRead(-1, new byte[1]));
        Assert.False(source.TryRead(long.MaxValue, new byte[1]));
    }
}
