using System.Diagnostics;

namespace HvRunner.Testing.Cases;

/// <summary>A moment of host time by which something has to have happened, and what it is called when it has not.</summary>
/// <param name="timestamp">As a Stopwatch time stamp; <see cref="long.MaxValue"/> for never.</param>
/// <param name="sentence">For people: which limit this is, such as "the step's limit of 5 s".</param>
internal readonly struct Deadline(long timestamp, string sentence)
{
    /// <summary>What has passed when it has.</summary>
    internal string Sentence => sentence;

    /// <summary>Time left; zero when it has passed.</summary>
    internal TimeSpan Left
    {
        get
        {
            var left = Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), timestamp);
            return left > TimeSpan.Zero ? left : TimeSpan.Zero;
        }
    }

    /// <summary>It has passed.</summary>
    internal bool HasPassed => Left == TimeSpan.Zero;

    /// <summary>It does not pass.</summary>
    internal static Deadline Never { get; } = new(long.MaxValue, string.Empty);

    /// <summary>So much after a time stamp.</summary>
    internal static Deadline After(long start, TimeSpan limit, string sentence)
    {
        var ticks = limit.TotalSeconds * Stopwatch.Frequency;
        return new(ticks < long.MaxValue - start ? start + (long)ticks : long.MaxValue, sentence);
    }

    /// <summary>The earlier of the two.</summary>
    internal Deadline Or(Deadline other) => other.Timestamp < timestamp ? other : this;

    private long Timestamp => timestamp;
}
