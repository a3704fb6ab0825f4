using HvRunner.Abstractions;
using HvRunner.Chipset.Serial;

namespace HvRunner.Architecture.Tests;

/// <summary>Every device saves, loads and resets its state from its first day.</summary>
public class DeviceTests
{
    [Fact]
    public void Devices_AreStateful()
    {
        var devices = typeof(Uart16550).Assembly.GetTypes().Where(type => typeof(IBusDevice).IsAssignableFrom(type) && !type.IsAbstract).ToList();
        Assert.NotEmpty(devices);
        Assert.Empty(Stateless(devices));
    }

    [Fact]
    public void Rule_FindsAStatelessDevice() => Assert.Equal([typeof(Stray).FullName], Stateless([typeof(Stray), typeof(DebugConsole)]));

    /// <summary>A device that answers at two places shows itself by nested types; then the device around them holds the state.</summary>
    private static IEnumerable<string?> Stateless(IEnumerable<Type> devices) =>
        devices.Where(type => !IsStateful(type) && !(type.DeclaringType is { } outer && IsStateful(outer))).Select(type => type.FullName);

    private static bool IsStateful(Type type) => typeof(IStateful).IsAssignableFrom(type);

    private sealed class Stray : IBusDevice
    {
        public string Name => "stray";

        public IoStatus Read(ulong offset, Span<byte> data) => IoStatus.Unclaimed;

        public IoStatus Write(ulong offset, ReadOnlySpan<byte> data) => IoStatus.Unclaimed;
    }
}
