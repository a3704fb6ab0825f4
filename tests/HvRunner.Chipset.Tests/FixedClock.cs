namespace HvRunner.Chipset.Tests;

/// <summary>A time of day that moves only when a test says so.</summary>
internal sealed class FixedClock(DateTimeOffset start) : TimeProvider
{
    public DateTimeOffset Now { get; set; } = start;

    public override DateTimeOffset GetUtcNow() => Now;
}
