// Reads the probe's lines (guests/probe). Pure: what it finds depends on the lines and their time stamps alone. Lines that it does not know are
// passed over, values that it cannot read count as not found out; so a guest that says odd things yields an empty result, never an exception.

using System.Diagnostics;
using System.Globalization;

namespace HvRunner.Machine.Probes;

/// <summary>From lines with time stamps to what they mean.</summary>
internal static class ProbeReading
{
    /// <summary>A difference of two loops below this is noise: the bound is reported in its place.</summary>
    private static readonly long ResolutionTicks = Math.Max(1, Stopwatch.Frequency / 200_000);

    /// <summary>The counter's rate is told from this time on; before it, the delays of two lines weigh too much.</summary>
    private static readonly long RateTicks = Stopwatch.Frequency / 1000;

    private const string FirstLine = "probe 1";
    private const string LastLine = "done";
    private const uint InServicePriority = 0x60;

    /// <summary>What the lines say.</summary>
    /// <param name="lines">In order.</param>
    /// <param name="completedInstructions">How many instructions hvrun completed meanwhile.</param>
    internal static HostProbeResult Read(IReadOnlyList<ProbeLine> lines, long completedInstructions)
    {
        var spoke = lines.Count != 0 && lines[0].Text == FirstLine;
        if (!spoke)
        {
            return Classify(new HostProbeResult { Failure = "the probe guest did not speak", CompletedInstructions = completedInstructions });
        }

        var result = new HostProbeResult
        {
            CompletedInstructions = completedInstructions,
            InstructionsTried = [.. lines.Select(line => After(line.Text, "try ")).OfType<string>()],
            InterruptsDelivered = Delivered(lines),
            InServiceBitsKept = InService(lines),
            PriorityHeld = Choice(lines, "nested held", "nested broken"),
            InterruptRules = Rules(lines),
            PortWriteNs = PortWrite(lines),
            Failure = lines[^1].Text == LastLine ? null : "the probe guest stopped half-way",
        };
        return Classify(WithTsc(WithSpeed(result, lines), lines));
    }

    private static HostProbeResult Classify(HostProbeResult result) => result with
    {
        SoftwareAssisted = result switch
        {
            { CompletedInstructions: > 0 } => true,
            { Ring0InstructionsPerSecond: { } speed } => speed < HostProbe.SoftwareBelowPerSecond,
            _ => null,
        },
    };

    private static HostProbeResult WithSpeed(HostProbeResult result, IReadOnlyList<ProbeLine> lines)
    {
        // The least time of each length: whatever else the host did only adds to it.
        var least = new SortedDictionary<long, long>();
        for (var i = 0; i + 1 < lines.Count; i++)
        {
            if (lines[i + 1].Text == "end" && long.TryParse(After(lines[i].Text, "loop "), CultureInfo.InvariantCulture, out var count))
            {
                var ticks = lines[i + 1].First - lines[i].End;
                least[count] = Math.Min(ticks, least.GetValueOrDefault(count, long.MaxValue));
            }
        }

        if (least.Count < 2)
        {
            return result;
        }

        var (shortest, longest) = (least.First(), least.Last());
        var elapsed = longest.Value - shortest.Value;
        var instructions = longest.Key - shortest.Key;
        return result with
        {
            Ring0InstructionsPerSecond = (long)((double)instructions * Stopwatch.Frequency / Math.Max(elapsed, ResolutionTicks)),
            IsSpeedLowerBound = elapsed < ResolutionTicks,
        };
    }

    private static HostProbeResult WithTsc(HostProbeResult result, IReadOnlyList<ProbeLine> lines)
    {
        var readings = new List<(ulong Count, long Time)>();
        foreach (var line in lines)
        {
            if (ulong.TryParse(After(line.Text, "tsc "), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var count))
            {
                readings.Add((count, line.First));
            }
        }

        if (readings.Count < 2)
        {
            return result;
        }

        var (first, last) = (readings[0], readings[^1]);
        var advances = last.Count > first.Count;
        var elapsed = last.Time - first.Time;
        return result with
        {
            TscAdvances = advances,
            TscHertz = advances && elapsed >= RateTicks ? (long)((double)(last.Count - first.Count) * Stopwatch.Frequency / elapsed) : null,
        };
    }

    /// <summary>Neither of the two interrupts may get lost.</summary>
    private static bool? Delivered(IReadOnlyList<ProbeLine> lines) =>
        lines.Any(line => line.Text is "apic silent" or "nested lost") ? false : lines.Any(line => line.Text.StartsWith("isr ", StringComparison.Ordinal)) ? true : null;

    private static bool? InService(IReadOnlyList<ProbeLine> lines)
    {
        if (Choice(lines, "isr kept", "isr lost") is not { } kept)
        {
            return null;
        }

        // The priority follows from the in-service bits: an APIC that shows one without the other keeps neither in earnest.
        var priority = lines.Select(line => After(line.Text, "ppr ")).FirstOrDefault(text => text is not null);
        return kept && uint.TryParse(priority, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value) && value == InServicePriority;
    }

    private static Dictionary<string, bool> Rules(IReadOnlyList<ProbeLine> lines)
    {
        var rules = new Dictionary<string, bool>();
        foreach (var name in InterruptRules.Names)
        {
            if (Choice(lines, $"rule {name} kept", $"rule {name} broken") is { } kept)
            {
                rules.Add(name, kept);
            }
        }

        return rules;
    }

    private static bool? Choice(IReadOnlyList<ProbeLine> lines, string yes, string no) =>
        lines.Any(line => line.Text == yes) ? true : lines.Any(line => line.Text == no) ? false : null;

    /// <summary>The median over all lines of a byte's share in its line.</summary>
    private static long? PortWrite(IReadOnlyList<ProbeLine> lines)
    {
        var shares = lines.Where(line => line.Text.Length != 0).Select(line => (line.End - line.First) / line.Text.Length).Order().ToList();
        return shares.Count == 0 ? null : (long)(shares[shares.Count / 2] * (1e9 / Stopwatch.Frequency));
    }

    private static string? After(string text, string prefix) => text.StartsWith(prefix, StringComparison.Ordinal) ? text[prefix.Length..] : null;
}
