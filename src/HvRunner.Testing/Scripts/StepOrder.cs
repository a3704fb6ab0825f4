namespace HvRunner.Testing.Scripts;

/// <summary>
/// What the steps of a script have to say to each other: the last word is the last step, marks are known when others refer to them, and a
/// machine that stands still is not left so. A step that has a fault of its own is not taken for one that is missing.
/// </summary>
internal static class StepOrder
{
    /// <summary>Finds fault with the order. <paramref name="steps"/> has null for steps that could not be read.</summary>
    internal static void Check(IReadOnlyList<Step?> steps, FaultList faults)
    {
        CheckEnd(steps, faults);
        CheckMarks(steps, faults);
        if (!steps.Contains(null))
        {
            CheckPauses(steps, faults);
        }
    }

    private static void CheckEnd(IReadOnlyList<Step?> steps, FaultList faults)
    {
        for (var i = 0; i < steps.Count - 1; i++)
        {
            if (steps[i] is ExitStatusStep step)
            {
                Add(faults, step, $"'{step}' ends the run: expected it as the last step, found {steps.Count - 1 - i} behind it.");
            }
        }
    }

    private static void CheckMarks(IReadOnlyList<Step?> steps, FaultList faults)
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
                Add(faults, mark, $"expected an earlier mark behind 'since', found {MessageText.Quote(since)}; {known}.");
            }

            if (!lines.TryAdd(mark.Name, mark.Line))
            {
                Add(faults, mark, $"the mark {MessageText.Quote(mark.Name)} was already set in line {lines[mark.Name]}.");
            }
        }
    }

    private static void CheckPauses(IReadOnlyList<Step?> steps, FaultList faults)
    {
        Step? pausedBy = null;
        foreach (var step in steps)
        {
            switch (step)
            {
                case PauseStep when pausedBy is not null:
                    Add(faults, step, $"the machine already stands still since line {pausedBy.Line}.");
                    break;
                case PauseStep { For: null }:
                    pausedBy = step;
                    break;
                case ResumeStep when pausedBy is null:
                    Add(faults, step, "the machine is running here; 'resume' goes behind a 'pause' without a duration.");
                    break;
                case ResumeStep:
                    pausedBy = null;
                    break;
            }
        }

        if (pausedBy is not null)
        {
            Add(faults, pausedBy, "the machine stands still from here to the end; 'resume' is missing.");
        }
    }

    private static void Add(FaultList faults, Step step, string sentence) => faults.Add(step.Line, step.Column, sentence);
}
