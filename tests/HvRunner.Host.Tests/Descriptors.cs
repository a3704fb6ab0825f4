// Tests here count the process's descriptors and measure time: they run one after the other.
[assembly: CollectionBehavior(DisableTestParallelization = true)]

namespace HvRunner.Host.Tests;

/// <summary>What this process holds open.</summary>
internal static class Descriptors
{
    /// <summary>Does something twice: what the runtime opens once is open after the first; the second must leave nothing behind.</summary>
    internal static void AssertGivenBack(Action use)
    {
        use();
        var before = Count();
        use();
        Assert.Equal(before, Count());
    }

    private static int Count() => Directory.GetFiles("/proc/self/fd").Length;
}
