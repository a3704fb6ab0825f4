using HvRunner.Boot;

namespace HvRunner.Launch;

/// <summary>The guests that are compiled into hvrun.</summary>
public static class CarriedGuest
{
    /// <summary>The kernel image of a carried guest.</summary>
    public static IImageSource Open(string name)
    {
        using var stream = typeof(CarriedGuest).Assembly.GetManifestResourceStream($"{name}.elf")
            ?? throw new InvalidOperationException($"hvrun was built without its guest '{name}'");
        var bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return new MemoryImageSource($"the embedded guest '{name}'", bytes);
    }
}
