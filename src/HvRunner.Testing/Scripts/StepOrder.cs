namespace HvRunner.Testing.Scripts;

/// <summary>
/// What the steps of a script have to say to each other: the last word is the last step, marks are known when others refer to them, and a
/// machine that stands still is not left so. A step that has a fault of its own is not taken for one that is missing.
/// </summary>
internal static class StepOrder
{
    /// <summary>Finds fault with the order. <paramref name="steps"/> has null for steps that could not be read.</summary>
    internal static void Check(IReadOnlyList<Step?> steps, Action<int, string> fault)
    {
        CheckEnd(steps, fault);
        CheckMarks(steps, fault);
        if (!steps.Contains(null))
        {
            CheckPauses(steps, fault);
        }
    }

    private static void CheckEnd(IReadOnlyList<Step?> steps, Action<int, string> fault)
    {
        for (var i = 0; i < steps.Count - 1; i++)
        {
            if (steps[i] is ExitStatusStep step)
            {
                fault(i, $"'{step}' ends the run: expected it as the last step, found {steps.Count - 1 - i} behind it.");
            }
        }
    }

    private static void CheckMarks(IReadOnlyList<Step?> steps, Action<int, string> fault)
    {
        var lines = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var i = 0; i < steps.Count; i++)
        {
            if (steps[i] is not MarkStep mark)
            {
                continue;
            }

            if (mark.Since is { } since && !lines.ContainsKey(since) && !steps.Take(i).Contains(null))
            {
                var known = lines.Count == 0 ? "there is none" : $"there are {MessageText.Shorten(string.Join(", ", lines.Keys))}";
                fault(i, $"expected an earlier mark behind 'since', found {MessageText.Quote(since)}; {known}.");
            }

            if (!lines.TryAdd(mark.Name, mark.Line))
            {
                fault(i, $"the mark {MessageText.Quote(mark.Name)} was already set in line {lines[mark.Name]}.");
            }
        }
    }

    private static void CheckPauses(IReadOnlyList<Step?> steps, Action<int, string> fault)
    {
        int? pausedBy = null;
        for (var i = 0; i < steps.Count; i++)
        {
            switch (steps[i])
            {
                case PauseStep when pausedBy is { } by:
                    fault(i, $"the machine already stands still since line {steps[by]!.Line}.");
                    break;
                case PauseStep { For: null }:
                    pausedBy = i;
                    break;
                case ResumeStep when pausedBy is null:
                    fault(i, "the machine is running here; 'resume' goes behind a 'pause' without a duration.");
                    break;
                case ResumeStep:
                    pausedBy = null;
                    break;
            }
        }

        if (pausedBy is { } last)
        {
            fault(last, "the machine stands still from here to the end; 'resume' is missing.");
        }
    }
}
