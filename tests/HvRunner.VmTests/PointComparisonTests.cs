using HvRunner.VmTests.Points;

namespace HvRunner.VmTests;

/// <summary>The rules by which two machines' points are compared; no machine runs here.</summary>
public sealed class PointComparisonTests
{
    private const string Text = """
        # section gates
        ok 1 - first
        not ok 2 - second
        # wanted vector d
        #   vector 6
        ok 3 - first
        ok 4 - fourth # SKIP AMD's processors have none
        ok 5 - fifth # SKIP left out
        1..5

        """;

    private static readonly KnownDeviation Second = new(DeviationKind.Deviates, "second", "raises #UD", "SDM 2 LAR");
    private static readonly KnownDeviation Fifth = new(DeviationKind.LeftOut, "fifth", "never returns", "SDM 2 HLT");

    [Fact]
    public void Output_IsReadWithItsNotesAndNames()
    {
        var output = PointOutput.Parse(Text);
        Assert.True(output.IsWhole);
        Assert.Equal(["gates"], output.Sections);
        Assert.Equal(["first", "second", "first (2)", "fourth", "fifth"], output.Points.Select(point => point.Name));
        Assert.Equal(["second"], output.Points.Where(point => !point.Passed).Select(point => point.Name));
        Assert.Equal(["fifth"], output.Points.Where(point => point.IsLeftOut).Select(point => point.Name));
        Assert.Equal("wanted vector d, vector 6", output.Points[1].Note);
    }

    [Fact]
    public void OutputOfALostMachine_IsNotWhole()
    {
        for (var length = 0; length < Text.TrimEnd().Length; length++)
        {
            var output = PointOutput.Parse(Text[..length]);
            Assert.False(output.IsWhole);
            Assert.Equal(Text[..length].Split('\n')[..^1].Count(line => line.Contains("ok ", StringComparison.Ordinal)), output.Points.Count);
        }
    }

    [Fact]
    public void PlanOfMorePoints_IsNoWholeOutput() => Assert.False(PointOutput.Parse("ok 1 - first\n1..2\n").IsWhole);

    [Fact]
    public void DeviationInNoRow_IsAFault() =>
        Assert.Equal(
            ["not in the table: deviates | second | wanted vector d, vector 6 | ?", "not in the table: left out | fifth | ends or hangs the machine | ?"],
            Faults(Text, []));

    [Fact]
    public void DeviationInARow_IsNone() => Assert.Empty(Faults(Text, [Second, Fifth]));

    [Fact]
    public void RowOfAPointThatIsRight_IsAFault()
    {
        var stale = Second with { Point = "first" };
        Assert.Equal(["in the table, and the machine does it right: first"], Faults(Text, [Second, Fifth, stale]));
    }

    [Fact]
    public void RowOfAPointThatVaries_ExcusesEitherAndNoLoss()
    {
        var varies = Second with { Kind = DeviationKind.Varies };
        Assert.Empty(Faults(Text, [varies, Fifth, varies with { Point = "first" }]));
        Assert.Single(Faults(Text, [varies, Fifth with { Kind = DeviationKind.Varies }]));
    }

    [Fact]
    public void RowOfAPointThatThisProcessorDoesNotHave_IsNone() =>
        Assert.Empty(Faults(Text, [Second, Fifth, Second with { Point = "only with AVX" }]));

    [Fact]
    public void RowOfAnotherKind_ExcusesNothing()
    {
        // Both say so: the deviation has no row, and the row has no deviation.
        var other = Second with { Kind = DeviationKind.LeftOut };
        Assert.Equal(2, Faults(Text, [other, Fifth]).Count);
    }

    [Fact]
    public void PointThatOnlyTheMachineHas_HasToPass()
    {
        Assert.Empty(Faults("ok 1 - first\nok 2 - of another CPUID\n1..2\n", []));
        Assert.Single(Faults("ok 1 - first\nnot ok 2 - of another CPUID\n1..2\n", []));
    }

    [Fact]
    public void PointsInAnotherOrder_AreAFault() => Assert.Single(Faults("ok 1 - fourth\nok 2 - first\n1..2\n", []));

    [Fact]
    public void PointThatHvrunAloneFails_IsAFault()
    {
        var comparison = new PointComparison([]);
        comparison.Add("gates", new SectionRun(PointOutput.Parse("ok 1 - first\n1..1\n"), []), PointOutput.Parse("not ok 1 - first\n1..1\n"));
        Assert.Contains("hvrun's own processor fails", Assert.Single(comparison.Faults()), StringComparison.Ordinal);
    }

    [Fact]
    public async Task MachineThatIsAlwaysLost_IsGivenUp()
    {
        // It never gets further, and it gets one point less far each time.
        var runs = 0;
        var stuck = await SectionRun.SurviveAsync((_, _) => Task.FromResult("ok 1 - first\n"), "gates");
        var restless = await SectionRun.SurviveAsync((_, _) => Task.FromResult(string.Concat(Enumerable.Repeat("ok 1 - first\n", 1000 - ++runs))), "gates");
        Assert.False(stuck.Output.IsWhole);
        Assert.Equal([2], stuck.LeftOut);
        Assert.False(restless.Output.IsWhole);
        Assert.InRange(runs, 2, 50);
    }

    [Fact]
    public void Table_IsReadWithItsComments() =>
        Assert.Equal([Second, Fifth], KnownDeviations.Parse(["# kind | point", "", "deviates | second | raises #UD | SDM 2 LAR", "left out|fifth|never returns|SDM 2 HLT"]));

    [Theory]
    [InlineData("deviates | second | raises #UD")]
    [InlineData("deviates | second | raises #UD | ?")]
    [InlineData("deviates | second |  | SDM 2 LAR")]
    [InlineData("differs | second | raises #UD | SDM 2 LAR")]
    public void RowWithoutItsReasons_IsRefused(string row) =>
        Assert.Contains(row, Assert.Throws<FormatException>(() => KnownDeviations.Parse([row])).Message, StringComparison.Ordinal);

    [Fact]
    public void RowThatIsThereTwice_IsRefused()
    {
        const string Row = "deviates | second | raises #UD | SDM 2 LAR";
        Assert.Contains("second: twice", Assert.Throws<FormatException>(() => KnownDeviations.Parse([Row, Row])).Message, StringComparison.Ordinal);
    }

    private static IReadOnlyList<string> Faults(string text, IReadOnlyList<KnownDeviation> known)
    {
        var comparison = new PointComparison(known);
        var reference = PointOutput.Parse("ok 1 - first\nok 2 - second\nok 3 - first\nok 4 - fourth\nok 5 - fifth\nok 6 - of this CPUID\n1..6\n");
        comparison.Add("gates", new SectionRun(PointOutput.Parse(text), []), reference);
        return comparison.Faults();
    }
}
