using System.Globalization;

namespace HvRunner.Instructions.ProcessorTests;

/// <summary>What the environment asks of the random tests.</summary>
internal static class TestTime
{
    public static bool IsNightly { get; } = Environment.GetEnvironmentVariable("HVRUN_NIGHTLY") == "1";

    /// <summary>The one case to repeat, or null.</summary>
    public static int? Seed(string variable) =>
        Environment.GetEnvironmentVariable(variable) is { } text ? int.Parse(text, CultureInfo.InvariantCulture) : null;
}
