using System.CommandLine;
using System.Globalization;
using HvRunner.Launch;
using HvRunner.Testing.Scripts;

namespace HvRunner.Cli;

/// <summary>The options of <c>test</c>, declared once and read into a <see cref="TestRequest"/> with every fault found.</summary>
internal sealed class TestOptions
{
    private const string DefaultArtifacts = "hvrun-artifacts";

    private readonly Argument<string[]> _paths = new("PATH")
    {
        Description = "A script, or a folder that stands for all *.vmtest.yaml below it.",
        Arity = ArgumentArity.OneOrMore,
    };

    private readonly Option<string?> _jobs = RunOptions.Text("--jobs", "N", "How many cases run side by side; default 1.");
    private readonly Option<string?> _filter = RunOptions.Text("--filter", "TEXT", "Only cases that have TEXT in their name or their script's path.");
    private readonly Option<bool> _list = new("--list") { Description = "Only list the cases, a line each, and run none." };
    private readonly Option<string?> _shard = RunOptions.Text("--shard", "K/N", "Only the K-th of N parts of the cases, from 1 on. A case stays in its part when others come and go.");
    private readonly Option<string?> _junit = RunOptions.Text("--junit", "FILE", "Write the results as JUnit XML.");
    private readonly Option<string?> _tap = RunOptions.Text("--tap", "FILE", "Write the results as TAP 14.");
    private readonly Option<string?> _json = RunOptions.Text("--json", "FILE", "Write the results as JSON.");
    private readonly Option<string?> _artifacts = RunOptions.Text(
        "--artifacts", "DIR", $"Where each failed case leaves a folder: console log, post-mortem, report, and the line that runs its guest again; default {DefaultArtifacts}.");

    private readonly IReadOnlyList<Option<string?>> _hypervisor = [.. new HypervisorOptions().All];

    internal void AddTo(Command command)
    {
        command.Arguments.Add(_paths);
        foreach (var option in (Option[])[_jobs, _filter, _list, _shard, _junit, _tap, _json, _artifacts])
        {
            command.Options.Add(option);
        }

        foreach (var option in _hypervisor)
        {
            option.Description = $"For cases whose script does not say: {option.Description}";
            command.Options.Add(option);
        }
    }

    /// <summary>Reads everything; what is wrong is added to <paramref name="faults"/> and its default taken.</summary>
    internal TestRequest Read(ParseResult result, Faults faults)
    {
        string? Given(Option<string?> option) => RunOptions.ValueOf(result, option);
        RunOptions.ReaderOf(result, _hypervisor, faults).ReadHypervisor();
        var paths = result.GetResult(_paths) is { Errors: var errors } && !errors.Any() ? result.GetValue(_paths) ?? [] : [];
        foreach (var path in paths.Where(path => path.StartsWith('-')))
        {
            faults.Usage($"{path}: there is no such option; for a file of this name write ./{path}.");
        }

        return new TestRequest
        {
            Paths = [.. paths.Where(path => !path.StartsWith('-'))],
            Jobs = ReadJobs(Given(_jobs), faults),
            Selection = new CaseSelection(Given(_filter), ReadShard(Given(_shard), faults)),
            IsList = result.GetValue(_list),
            JUnitPath = Given(_junit),
            TapPath = Given(_tap),
            JsonPath = Given(_json),
            Artifacts = Given(_artifacts) ?? DefaultArtifacts,
            Defaults = _hypervisor.Where(option => Given(option) is not null).ToDictionary(option => option.Name[2..], option => Given(option)!, StringComparer.Ordinal),
        };
    }

    private static int ReadJobs(string? text, Faults faults)
    {
        const int Most = 1024;
        if (text is null)
        {
            return 1;
        }

        if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var jobs) || jobs is < 1 or > Most)
        {
            faults.Usage($"--jobs: expected a number from 1 to {Most}, found '{text}'.");
            return 1;
        }

        return jobs;
    }

    private static Shard? ReadShard(string? text, Faults faults)
    {
        var shard = text is null ? null : Shard.TryParse(text);
        if (text is not null && shard is null)
        {
            faults.Usage($"--shard: expected K/N such as 1/4, with K from 1 to N, found '{text}'.");
        }

        return shard;
    }
}

/// <summary>Tests as the command line asked for them.</summary>
internal sealed record TestRequest
{
    internal required IReadOnlyList<string> Paths { get; init; }

    internal required int Jobs { get; init; }

    internal required CaseSelection Selection { get; init; }

    internal required bool IsList { get; init; }

    internal required string? JUnitPath { get; init; }

    internal required string? TapPath { get; init; }

    internal required string? JsonPath { get; init; }

    internal required string Artifacts { get; init; }

    /// <summary>Options of <c>run</c> for scripts that do not give them.</summary>
    internal required IReadOnlyDictionary<string, string> Defaults { get; init; }
}
