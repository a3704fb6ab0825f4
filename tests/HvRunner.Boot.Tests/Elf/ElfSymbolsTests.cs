using HvRunner.Abstractions;
using HvRunner.Boot.Elf;

namespace HvRunner.Boot.Tests.Elf;

public class ElfSymbolsTests
{
    private const ulong Text = 0xffffffff81000000;

    private static ElfSymbols Load(ElfBuilder builder)
    {
        var symbols = ElfSymbols.Load(TestKernels.Source(builder.Build()));
        Assert.NotNull(symbols);
        return symbols;
    }

    [Theory]
    [InlineData(0x00, "startup", 0)]
    [InlineData(0x0f, "startup", 0xf)]
    [InlineData(0x10, "label", 0)]
    [InlineData(0x3f, "label", 0x2f)]
    [InlineData(0x40, "panic", 0)]
    [InlineData(0x4f, "panic", 0xf)]
    public void Resolve_TakesTheNearestPrecedingFunctionOrLabel(ulong offset, string expected, ulong distance)
    {
        Assert.True(Load(TestKernels.LinuxLike()).TryResolve(Text + offset, out var name, out var found));
        Assert.Equal((expected, distance), (name, found));
    }

    [Theory]
    [InlineData(Text - 1)] // before the section
    [InlineData(Text + 0x100)] // behind it
    [InlineData(0UL)]
    [InlineData(ulong.MaxValue)]
    public void Resolve_OutsideTheCodeFindsNothing(ulong address)
    {
        Assert.False(Load(TestKernels.LinuxLike()).TryResolve(address, out var name, out _));
        Assert.Equal("", name);
    }

    [Fact]
    public void Resolve_BehindASizedFunctionFindsNothing()
    {
        Assert.False(Load(TestKernels.LinuxLike()).TryResolve(Text + 0x58, out _, out _));
    }

    [Fact]
    public void Resolve_BehindAShortFunctionFindsTheOneAroundIt()
    {
        var image = TestKernels.LinuxLike().Build();
        var table = (int)BitConverter.ToUInt64(image, (int)BitConverter.ToUInt64(image, 40) + (2 * 64) + 24);
        image.Patch64(table + 24 + 16, 0x100); // startup's size
        var symbols = ElfSymbols.Load(TestKernels.Source(image));
        Assert.True(symbols!.TryResolve(Text + 0x58, out var name, out var offset));
        Assert.Equal(("startup", 0x58ul), (name, offset));
    }

    [Fact]
    public void Resolve_ReadsBothClasses()
    {
        var symbols = Load(TestKernels.AddSymbols(TestKernels.Minimal(ElfClass.Elf32)));
        Assert.True(symbols.TryResolve(0x100041, out var name, out var offset));
        Assert.Equal(("panic", 1ul), (name, offset));
    }

    [Fact]
    public void ResolvePhysical_TranslatesByTheSegments()
    {
        var symbols = Load(TestKernels.LinuxLike());
        Assert.True(symbols.TryResolvePhysical(new GuestAddress(0x200041), out var name, out var offset));
        Assert.Equal(("panic", 1ul), (name, offset));
        Assert.False(symbols.TryResolvePhysical(new GuestAddress(0x100), out _, out _));
    }

    [Fact]
    public void Load_WithoutSymbolsOrWithoutElfIsNull()
    {
        Assert.Null(ElfSymbols.Load(TestKernels.Source(TestKernels.Minimal().Build())));
        Assert.Null(ElfSymbols.Load(TestKernels.Source([1, 2, 3])));
    }

    [Theory]
    [InlineData(24, ulong.MaxValue)] // offset of the symbol table
    [InlineData(32, 0x7fffffffffffffff)] // its size
    [InlineData(56, 0)] // its entry size
    [InlineData(40, 0xffffffff)] // its strings
    public void Load_MalformedTableGivesNoSymbols(int field, ulong value)
    {
        var image = TestKernels.LinuxLike().Build();
        var table = (int)BitConverter.ToUInt64(image, 40) + (2 * 64);
        Assert.Null(ElfSymbols.Load(TestKernels.Source(image.Patch64(table + field, value))));
    }

    [Fact]
    public void Resolve_NameOutsideTheStringsIsNoName()
    {
        var image = TestKernels.LinuxLike().Build();
        var strings = (int)BitConverter.ToUInt64(image, 40) + (3 * 64);
        var symbols = ElfSymbols.Load(TestKernels.Source(image.Patch64(strings + 32, 5)));
        Assert.NotNull(symbols);
        Assert.False(symbols.TryResolve(Text + 0x41, out _, out _));
    }
}
