namespace HvRunner.Testing.Tests.Machines;

/// <summary>The guests of the repository, where somebody has built them: <c>tests/run</c> does, and says where they are.</summary>
internal static class BuiltGuest
{
    private static readonly string? Folder = Environment.GetEnvironmentVariable("HVRUN_GUESTS");

    internal static string Path(string name) => System.IO.Path.Combine(Folder ?? string.Empty, $"{name}.elf");

    internal static string? ReasonToSkip(string name) =>
        string.IsNullOrEmpty(Folder) ? "needs the guests: guests/build --out DIR, and HVRUN_GUESTS=DIR" : File.Exists(Path(name)) ? null : $"needs the guest {Path(name)}";
}

/// <summary>A test that needs a guest of the repository.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class GuestFactAttribute : FactAttribute
{
    public GuestFactAttribute(string guest) => Skip = BuiltGuest.ReasonToSkip(guest);
}

/// <summary>As <see cref="GuestFactAttribute"/>, for a theory.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class GuestTheoryAttribute : TheoryAttribute
{
    public GuestTheoryAttribute(string guest) => Skip = BuiltGuest.ReasonToSkip(guest);
}
