namespace HvRunner.Cli;

/// <summary>hvrun's version, from the build.</summary>
internal static class HvRunVersion
{
    internal static string Text { get; } = typeof(HvRunVersion).Assembly.GetName().Version?.ToString(3) ?? "unknown";
}
