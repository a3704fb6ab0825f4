namespace HvRunner.VmTests.Points;

/// <summary>
/// A section of guests/processor, run so that as many of its points as possible are judged: where the machine is lost, the section is run again
/// without the point that was on its way, until it comes to its end. What this is not: a judgement of those points.
/// </summary>
/// <param name="Output">The points; with <see cref="PointOutput.IsWhole"/> false, those up to where leaving points out was of no help.</param>
/// <param name="LeftOut">The numbers of the points that had to be left out.</param>
internal sealed record SectionRun(PointOutput Output, IReadOnlyList<int> LeftOut)
{
    // A machine that is lost more often than this is not worth the time.
    private const int MaximumAttempts = 24;

    /// <summary>Runs a section on a machine, with the points of these numbers left out, and gives the console's text, however the machine ended.</summary>
    internal delegate Task<string> Machine(string section, IReadOnlyList<int> leftOut);

    internal static async Task<SectionRun> SurviveAsync(Machine machine, string section)
    {
        var leftOut = new List<int>();
        while (true)
        {
            var output = PointOutput.Parse(await machine(section, leftOut));
            var lost = output.Points.Count + 1;
            if (output.IsWhole || leftOut.Contains(lost) || leftOut.Count == MaximumAttempts)
            {
                return new SectionRun(output, leftOut);
            }

            leftOut.Add(lost);
        }
    }

    /// <summary>
    /// Runs the section on a machine that survives everything, with the same points left out: others may build on them. Numbers depend on CPUID, so
    /// the points are found again by their names.
    /// </summary>
    internal async Task<PointOutput> RepeatAsync(Machine machine, string section)
    {
        var whole = PointOutput.Parse(await machine(section, []));
        if (LeftOut.Count == 0)
        {
            return whole;
        }

        var names = Output.Points.Where(point => point.IsLeftOut).Select(point => point.Name).ToHashSet(StringComparer.Ordinal);
        var numbers = Enumerable.Range(1, whole.Points.Count).Where(number => names.Contains(whole.Points[number - 1].Name)).ToList();
        return numbers.Count == 0 ? whole : PointOutput.Parse(await machine(section, numbers));
    }
}
