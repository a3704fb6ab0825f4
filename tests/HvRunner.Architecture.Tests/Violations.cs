namespace HvRunner.Architecture.Tests;

/// <summary>The one way a rule fails: with every violation on a line of its own.</summary>
public static class Violations
{
    public static void None(IEnumerable<string> found)
    {
        var lines = found.ToList();
        Assert.True(lines.Count == 0, "broken rules:\n  " + string.Join("\n  ", lines));
    }
}
