using System.Globalization;
using System.Text;
using HvRunner.Hardware.Tests.Forms;
using Iced.Intel;

namespace HvRunner.Hardware.Tests.Comparison;

/// <summary>The table of forms covered, and what did not agree.</summary>
internal sealed record Report(string Summary, IReadOnlyList<string> Failures)
{
    private const int InstancesToAnUnrepeated = 200_000;

    public static Report Write(Match match, ulong seed, IReadOnlyList<Code> forms, TimeSpan elapsed)
    {
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"seed {seed}: {match.Instances} instances of {match.Tallies.Count} forms in {elapsed.TotalSeconds:f1} s, {match.Instances / elapsed.TotalSeconds:f0} a second");
        var failures = new List<string>();
        foreach (var group in match.Tallies.GroupBy(pair => pair.Key.Mnemonic()).OrderBy(group => group.Key.ToString(), StringComparer.Ordinal))
        {
            text.Append(CultureInfo.InvariantCulture, $"{group.Key}: {group.Sum(pair => pair.Value.Instances)} =");
            foreach (var (code, tally) in group.OrderBy(pair => pair.Key))
            {
                text.Append(CultureInfo.InvariantCulture, $" {code} {tally.Instances}/{tally.Exceptions}");
                if (tally.Unsupported != 0)
                {
                    failures.Add($"{code}: {tally.Unsupported} of {tally.Instances} unsupported");
                }

                if (tally.Different != 0)
                {
                    failures.Add($"{code}: {tally.Different} of {tally.Instances} differ\n    {string.Join("\n    ", tally.Lines)}");
                }
            }

            text.AppendLine();
        }

        text.AppendLine(CultureInfo.InvariantCulture, $"{match.Entangled} instances differed only by what their neighbours had left");
        text.AppendLine(CultureInfo.InvariantCulture, $"{match.Unrepeated} answers of the real processor it did not give again");
        if (match.Unrepeated > 1 + (match.Instances / InstancesToAnUnrepeated))
        {
            failures.Add($"{match.Unrepeated} answers of the real processor it did not give again, more than one in {InstancesToAnUnrepeated} instances");
        }

        text.AppendLine(CultureInfo.InvariantCulture, $"reserved, yet executed here: {string.Join(' ', match.ReservedButExecuted)}");
        foreach (var form in forms.Where(form => !match.Tallies.ContainsKey(form)))
        {
            failures.Add($"{form}: no instance of it came up");
        }

        foreach (var group in FormTable.All.Values.Where(form => form.Use == FormUse.LeftOut).GroupBy(form => form.Reason))
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"left out, {group.Key}: {string.Join(' ', group.Select(form => form.Code))}");
        }

        return new Report(text.ToString(), failures);
    }
}
