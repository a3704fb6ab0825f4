using System.Text.Json;
using HvRunner.VmTests.Harness;

namespace HvRunner.VmTests;

/// <summary><c>hvrun inspect</c>: what a file is and whether it would boot.</summary>
public sealed class InspectTests
{
    [Theory]
    [InlineData("demo")]
    [InlineData("endings")]
    [InlineData("boot-state")]
    [InlineData("minimal")]
    public async Task Guest_OffersPvh(string guest)
    {
        var path = Artifacts.Guest(guest);
        var result = await HvrunProcess.RunAsync("inspect", path);
        Assert.Equal(0, result.Status);
        result.Prints(path);
        result.Prints("ELF32 i386");
        result.Prints("pvh          yes");
        result.Prints("would boot by: pvh");
        Assert.Empty(result.Error);

        var json = await JsonAsync(path, 0);
        Assert.Equal("pvh", json.GetProperty("chosen").GetString());
        Assert.False(json.GetProperty("linux").GetBoolean());
        var protocol = Assert.Single(json.GetProperty("protocols").EnumerateArray());
        Assert.True(protocol.GetProperty("offered").GetBoolean());
        Assert.NotEmpty(protocol.GetProperty("sentence").GetString()!);
        Assert.NotEmpty(json.GetProperty("reason").GetString()!);
        Assert.Equal(new FileInfo(path).Length, json.GetProperty("bytes").GetInt64());
    }

    [Fact]
    public async Task Vmlinux_IsLinuxAndOffersPvh()
    {
        var result = await HvrunProcess.RunAsync("inspect", Artifacts.Linux);
        Assert.Equal(0, result.Status);
        result.Prints("ELF64 x86-64");
        result.Prints(", Linux\n");
        var json = await JsonAsync(Artifacts.Linux, 0);
        Assert.True(json.GetProperty("linux").GetBoolean());
        Assert.Equal("pvh", json.GetProperty("chosen").GetString());
    }

    [Fact]
    public async Task GuestWithALinuxNote_IsLinux()
    {
        using var directory = new TemporaryDirectory();
        var file = directory.File("linux.elf", Guests.EndingsAsLinux());
        Assert.True((await JsonAsync(file, 0)).GetProperty("linux").GetBoolean());
    }

    [Fact]
    public async Task BzImage_IsNamedButNotOnOffer()
    {
        using var directory = new TemporaryDirectory();
        var file = directory.File("bzImage", UsageTests.BzImage());
        var result = await HvrunProcess.RunAsync("inspect", file);
        Assert.Equal(65, result.Status);
        result.Prints("bzImage");
        result.Prints("would boot by: nothing");
        var json = await JsonAsync(file, 65);
        Assert.Equal("bzImage", json.GetProperty("format").GetString());
        Assert.Equal(JsonValueKind.Null, json.GetProperty("chosen").ValueKind);
    }

    [Fact]
    public async Task Garbage_OffersNothing()
    {
        using var directory = new TemporaryDirectory();
        var bytes = new byte[4096];
        new Random(1).NextBytes(bytes);
        var file = directory.File("garbage", bytes);
        var result = await HvrunProcess.RunAsync("inspect", file);
        Assert.Equal(65, result.Status);
        result.Prints("would boot by: nothing");
        Assert.Equal(JsonValueKind.Null, (await JsonAsync(file, 65)).GetProperty("chosen").ValueKind);
    }

    [Theory]
    [InlineData("/nonexistent/kernel")]
    [InlineData("/tmp")]
    public async Task WhatCannotBeRead_IsTold(string path)
    {
        var result = (await HvrunProcess.RunAsync("inspect", path)).Ended(66, "no-input");
        result.Says(path);
        Assert.Empty(result.Output);
    }

    private static async Task<JsonElement> JsonAsync(string path, int status)
    {
        var result = await HvrunProcess.RunAsync("inspect", "--json", path);
        result.True(result.Status == status, $"status {status} was expected");
        using var document = JsonDocument.Parse(result.Output);
        return document.RootElement.Clone();
    }
}
