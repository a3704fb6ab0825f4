namespace HvRunner.Cli.Tests;

/// <summary>A test that not every host can run; where it cannot, the summary says why.</summary>
public sealed class DoctorFactAttribute : FactAttribute
{
    /// <summary>It opens /dev/kvm.</summary>
    public bool NeedsKvm { get; init; }

    /// <summary>It reads this file.</summary>
    public string? NeedsFile { get; init; }

    public override string? Skip
    {
        get => NeedsKvm && !CanOpen("/dev/kvm") ? "this user cannot open /dev/kvm here" : NeedsFile is { } file && !File.Exists(file) ? $"there is no {file} here" : null;
        set => throw new NotSupportedException();
    }

    private static bool CanOpen(string path)
    {
        try
        {
            using var opened = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite);
            return true;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
