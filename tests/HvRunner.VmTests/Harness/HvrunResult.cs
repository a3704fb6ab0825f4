using System.Text;
using System.Text.RegularExpressions;

namespace HvRunner.VmTests.Harness;

/// <summary>What was seen of a child that ended.</summary>
internal sealed partial record HvrunResult(string Command, int Status, byte[] Output, string Error, TimeSpan Duration)
{
    internal string Text => Encoding.UTF8.GetString(Output);

    internal string[] ErrorLines => Error.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>Everything on standard error but the verdict.</summary>
    internal string Words => string.Join('\n', ErrorLines.Where(line => !VerdictLine().IsMatch(line)));

    /// <summary>The verdict's name; fails unless exactly one line says it and that line is the last.</summary>
    internal string Verdict
    {
        get
        {
            var lines = ErrorLines;
            True(lines.Count(line => VerdictLine().IsMatch(line)) == 1, "exactly one line with the verdict was expected");
            var match = VerdictLine().Match(lines[^1]);
            True(match.Success, "the verdict was expected as the last line");
            True(Error.EndsWith('\n'), "a line feed was expected behind the verdict");
            return match.Groups[1].Value;
        }
    }

    /// <summary>Fails unless the run ended so.</summary>
    internal HvrunResult Ended(int status, string verdict)
    {
        True(Status == status, $"status {status} was expected");
        var found = Verdict;
        True(found == verdict, $"the verdict {verdict} was expected");
        return this;
    }

    /// <summary>Fails with everything that the child said.</summary>
    internal void True(bool condition, string expected) => Assert.True(condition, Describe(expected, Command, $"status {Status}, {Duration.TotalMilliseconds:F0} ms", Output, Error));

    /// <summary>The host's KVM has reset the vCPU that shut down, as on AMD's processors, and the verdict says so: its registers say nothing of the guest.</summary>
    internal bool LostRegisters => ErrorLines is [.., var last] && last.Contains("this host's KVM reset it", StringComparison.Ordinal);

    internal void Says(string text) => True(Error.Contains(text, StringComparison.Ordinal), $"'{text}' was expected on standard error");

    internal void Prints(string text) => True(Text.Contains(text, StringComparison.Ordinal), $"'{text}' was expected on standard output");

    internal static string Describe(string why, string command, string end, byte[] output, string error) =>
        $"{why}\n  command: {command}\n  end: {end}\n  standard output, {output.Length} bytes, its end:\n{Tail(Encoding.UTF8.GetString(output))}\n  standard error:\n{Tail(error)}";

    private static string Tail(string text) => text.Length > 6000 ? "..." + text[^6000..] : text;

    [GeneratedRegex("^hvrun: verdict: ([a-z-]+)")]
    private static partial Regex VerdictLine();
}
