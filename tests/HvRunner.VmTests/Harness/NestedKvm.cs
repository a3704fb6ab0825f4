using System.Globalization;
using System.Text;

namespace HvRunner.VmTests.Harness;

/// <summary>
/// The machines of tests/nested-kvm, which have an ordinary KVM whatever this host has: runs of hvrun in one, one after the other and all in one boot. Nothing of them is measured:
/// time there is that of an emulator.
/// </summary>
internal static class NestedKvm
{
    private const char Separator = '|';

    /// <summary>Runs hvrun in the machine with that processor, with each of these command lines. The input is what hvrun reads; none may hold a quote.</summary>
    internal static async Task<IReadOnlyList<HvrunResult>> RunAsync(string processor, TimeSpan limit, IReadOnlyList<(string[] Arguments, string Input)> runs)
    {
        var result = await HvrunProcess.RunAsync(new HvrunStart
        {
            Program = Path.Combine(Artifacts.Root, "tests", "nested-kvm", "run"),
            Arguments =
            [
                "--quiet", "--processor", processor, "--timeout", ((int)limit.TotalSeconds).ToString(CultureInfo.InvariantCulture),
                "bash", "-c", string.Join('\n', runs.Select(run => Line(run.Arguments, run.Input))), Artifacts.Hvrun,
            ],

            // The machine's own limit is the one that tells what happened.
            Limit = limit + TimeSpan.FromMinutes(1),
        });
        result.True(result.Status == 0, "the nested machine was expected to come up and to end by itself");
        Artifacts.Measured($"{runs.Count} runs on the KVM of tests/nested-kvm, {processor}: {result.Duration.TotalSeconds:F0} s with its boot");
        var lines = result.Text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        result.True(lines.Length == runs.Count, $"{runs.Count} lines were expected, one for each run");
        return [.. lines.Zip(runs, (line, run) => Read(line, string.Join(' ', run.Arguments)))];
    }

    /// <summary>Shell: runs "$0" and prints its status, output and errors as one line.</summary>
    private static string Line(string[] arguments, string input)
    {
        var words = string.Join(' ', arguments.Select(argument => $"'{argument}'"));
        var bytes = Convert.ToBase64String(Encoding.UTF8.GetBytes(input));
        return $"echo '{bytes}' | base64 -d | \"$0\" {words} >/tmp/nested.out 2>/tmp/nested.err; " +
            $"printf '%s{Separator}%s{Separator}%s\\n' $? \"$(base64 -w0 /tmp/nested.out)\" \"$(base64 -w0 /tmp/nested.err)\"";
    }

    private static HvrunResult Read(string line, string command)
    {
        var fields = line.Split(Separator);
        return new HvrunResult(
            $"hvrun {command}, in tests/nested-kvm",
            int.Parse(fields[0], CultureInfo.InvariantCulture),
            Convert.FromBase64String(fields[1]),
            Encoding.UTF8.GetString(Convert.FromBase64String(fields[2])),
            TimeSpan.Zero);
    }
}
