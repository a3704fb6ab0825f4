using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using HvRunner.VmTests.Harness;

namespace HvRunner.VmTests;

/// <summary>What <c>hvrun test</c> writes for machines: JUnit XML, TAP and JSON of one run with a case of each outcome, sub-cases, and a console with every byte there is.</summary>
public sealed partial class TestReportTests
{
    private static readonly (string Name, string Text)[] Scripts =
    [
        ("a", ScriptFolder.Ending("poweroff", "name: 'it <passes> & \"how\" # \\ %'\n")),
        ("b", ScriptFolder.Ending("flood:2000", "steps: [expect: nowhere]\n")),
        ("c", ScriptFolder.Ending("poweroff", "requires: [kvm]\n")),
        ("d", ScriptFolder.Guest("boot-state").Replace("cmdline: \"\"", "cmdline: modules=1", StringComparison.Ordinal) + "verdict: guest-status\n"),
        ("e", ScriptFolder.Guest("instructions").Replace("memory: 16M", "memory: 128M", StringComparison.Ordinal)),
    ];

    [Fact]
    public async Task JUnit_IsWellFormedAndAddsUp()
    {
        using var scripts = new ScriptFolder(Scripts);
        var file = scripts.File("junit.xml");
        Assert.Equal(1, (await scripts.RunAsync("--junit", file)).Status);
        var root = XDocument.Load(file).Root!;
        Assert.Equal("testsuites", root.Name.LocalName);
        var suites = root.Elements("testsuite").ToList();
        Assert.Equal(Scripts.Length, suites.Count);
        foreach (var (attribute, element) in new[] { ("tests", null), ("failures", "failure"), ("skipped", "skipped") })
        {
            foreach (var counted in (XElement[])[root, .. suites])
            {
                Assert.Equal(Number(counted, attribute), counted.Descendants("testcase").Count(one => element is null || one.Element(element) is not null));
            }
        }

        Assert.Equal(["it <passes> & \"how\" # \\ %"], suites[0].Elements("testcase").Select(one => one.Attribute("name")!.Value));
        var failed = Assert.Single(suites[1].Elements("testcase"));
        Assert.Contains("while waiting for \"nowhere\"", failed.Element("failure")!.Attribute("message")!.Value, StringComparison.Ordinal);
        Assert.Equal(scripts.Script("b"), failed.Attribute("file")!.Value);
        Assert.Equal("6", failed.Attribute("line")!.Value);
        Assert.Equal("requires kvm, and runs on soft", suites[2].Descendants("skipped").Single().Attribute("message")!.Value);
        Assert.InRange(suites[3].Elements("testcase").Count(), 30, 200);
    }

    [Fact]
    public async Task Tap_PrintsAsManyPointsAsItPlans()
    {
        using var scripts = new ScriptFolder(Scripts);
        var file = scripts.File("tap");
        Assert.Equal(1, (await scripts.RunAsync("--tap", file)).Status);
        var lines = await File.ReadAllLinesAsync(file);
        Assert.Equal("TAP version 14", lines[0]);
        Assert.Equal($"1..{Scripts.Length}", lines[1]);
        var points = lines.Select(line => Point().Match(line)).Where(match => match.Success).ToList();
        Assert.Equal(Enumerable.Range(1, Scripts.Length), points.Select(point => int.Parse(point.Groups[2].Value, CultureInfo.InvariantCulture)));
        Assert.Equal(["ok", "not ok", "ok", "not ok", "ok"], points.Select(point => point.Groups[1].Value));
        Assert.Equal(@"it <passes> & ""how"" \# \\ %", points[0].Groups[3].Value);
        Assert.Equal("c # SKIP requires kvm, and runs on soft", points[2].Groups[3].Value);

        // Subtests: each plan is as long as what stands below it, up to the next line that is not indented.
        var plans = 0;
        for (var i = 0; i < lines.Length; i++)
        {
            if (lines[i].StartsWith("    1..", StringComparison.Ordinal))
            {
                plans++;
                var below = lines.Skip(i + 1).TakeWhile(line => line.StartsWith("    ", StringComparison.Ordinal)).Count(line => SubPoint().IsMatch(line));
                Assert.Equal(int.Parse(lines[i].AsSpan(7), CultureInfo.InvariantCulture), below);
            }
        }

        Assert.Equal(2, plans);

        // A YAML block behind each failure, closed.
        Assert.Equal(lines.Count(line => line.Trim() == "---"), lines.Count(line => line.Trim() == "..."));
        Assert.True(lines.Count(line => line == "  ---") == 2, "a block for each failed case was expected");
    }

    [Fact]
    public async Task Json_TellsAllOfEachCase()
    {
        using var scripts = new ScriptFolder(Scripts);
        var (result, cases) = await scripts.RunWithJsonAsync();
        Assert.Equal(1, result.Status);
        Assert.Equal(["passed", "failed", "skipped", "failed", "passed"], cases.Select(one => one.GetProperty("outcome").GetString()!));
        Assert.Equal(["poweroff", "poweroff", null, "guest-status", "poweroff"], cases.Select(one => one.GetProperty("verdict").GetString()));
        var failure = cases[1].GetProperty("failure");
        Assert.Equal(6, failure.GetProperty("line").GetInt32());
        Assert.Equal("expect \"nowhere\"", failure.GetProperty("step").GetString());
        Assert.Equal(scripts.Kept.Order(), new[] { cases[1], cases[3] }.Select(one => one.GetProperty("artifacts").GetString()!).Order());
        Assert.Equal(JsonValueKind.Null, cases[0].GetProperty("failure").ValueKind);
        Assert.All(cases[3].GetProperty("subCases").EnumerateArray(), sub => Assert.NotEmpty(sub.GetProperty("path")[0].GetString()!));
        Assert.InRange(cases[3].GetProperty("subCaseCounts").GetProperty("failed").GetInt32(), 1, 30);
    }

    [Fact]
    public async Task Json_HasTheMarks()
    {
        using var scripts = new ScriptFolder(ScriptFolder.Ending("poweroff", "steps: [mark: begun, expect: endings, mark: spoken]\n"));
        var (_, cases) = await scripts.RunWithJsonAsync();
        var marks = cases[0].GetProperty("marks").EnumerateArray().ToList();
        Assert.Equal(["begun", "spoken"], marks.Select(mark => mark.GetProperty("name").GetString()!));
        Assert.InRange(marks[1].GetProperty("microseconds").GetInt64(), marks[0].GetProperty("microseconds").GetInt64(), 10_000_000);
    }

    [Fact]
    public async Task OldReport_IsReplaced()
    {
        using var scripts = new ScriptFolder(ScriptFolder.Ending("poweroff"));
        var file = scripts.File("junit.xml");
        await File.WriteAllTextAsync(file, new string('x', 100_000));
        await scripts.PassesAsync(1, "--junit", file);
        Assert.Equal("1", XDocument.Load(file).Root!.Attribute("tests")!.Value);
    }

    private static int Number(XElement element, string attribute) => int.Parse(element.Attribute(attribute)!.Value, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^(ok|not ok) (\d+) - (.*)$")]
    private static partial Regex Point();

    [GeneratedRegex(@"^    (ok|not ok) \d+ - ")]
    private static partial Regex SubPoint();
}
