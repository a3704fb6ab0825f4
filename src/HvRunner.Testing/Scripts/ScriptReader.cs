using HvRunner.Testing.Scripts.Yaml;

namespace HvRunner.Testing.Scripts;

/// <summary>Reads one script's tree: its keys here, its steps and its matrix by their own readers. Everything wrong with it is found in one go.</summary>
internal sealed class ScriptReader
{
    private const int MaxNameChars = 200;

    private static readonly TimeSpan DefaultTimeout = TimeSpan.FromSeconds(60);

    private readonly FoundScript _found;
    private readonly FaultList _faults;
    private readonly IOptionChecker _checker;
    private readonly NodeReader _read;
    private readonly PatternReader _patterns;

    internal ScriptReader(FoundScript found, FaultList faults, IOptionChecker checker)
    {
        _found = found;
        _faults = faults;
        _checker = checker;
        _read = new NodeReader(faults, checker);
        _patterns = new PatternReader(_read);
    }

    /// <summary>The script's cases; of no use when there are faults.</summary>
    internal IReadOnlyList<ScriptCase> Cases(string text)
    {
        if (YamlTree.Read(text, _faults) is not { } root || _read.Map(root, "keys such as 'kernel:'") is not { } map)
        {
            return [];
        }

        _read.CheckKeys(map, "in a script", ScriptVocabulary.Keys);
        var prompt = map["prompt"] is { } shown ? _patterns.Pattern(shown) : null;
        var steps = new StepReader(_read, _patterns, prompt).Read(map["steps"]);
        StepOrder.Check(steps, _faults);
        var script = new Script
        {
            Path = _found.Path,
            FullPath = _found.FullPath,
            RelativePath = _found.RelativePath,
            Name = Name(map["name"]),
            Steps = [.. steps.OfType<Step>()],
            Verdicts = Verdicts(map["verdict"], steps),
            Requires = _read.Names(map["requires"], "a requirement", ScriptVocabulary.Requirements),
            Problems = [.. _read.Items(map["problems"], "a list of patterns").Select(_patterns.Pattern).OfType<PatternText>()],
            Ignore = _read.Names(map["ignore"], "a kind of kernel report", ScriptVocabulary.KernelReports),
            Watch = Watch(map["watch"], map["ignore"]),
        };
        var timeout = map[ScriptVocabulary.Timeout] is { } limit ? _read.Duration(limit) ?? DefaultTimeout : DefaultTimeout;
        return new Variations(_read, _faults, _checker, _found).Cases(script, map, timeout);
    }

    private string Name(YamlNode? node)
    {
        if (node is null)
        {
            return _found.DefaultName;
        }

        var name = _read.Line(node, "a name");
        if (name?.Length > MaxNameChars)
        {
            _faults.Add(node, $"expected a name of at most {MaxNameChars} characters, found {name.Length}.");
        }

        return name ?? _found.DefaultName;
    }

    private IReadOnlyList<string> Verdicts(YamlNode? node, IReadOnlyList<Step?> steps)
    {
        var exit = steps.OfType<ExitStatusStep>().LastOrDefault();
        var implied = exit is null or { Status: 0 } ? "poweroff" : "guest-status";
        if (node is null)
        {
            return [implied];
        }

        var verdicts = _read.Names(node, "a verdict", ScriptVocabulary.Verdicts);
        if (node is YamlList { Items: [] } or YamlScalar { IsNull: true })
        {
            _faults.Add(node, "expected at least one verdict, found none; without the key it is poweroff.");
        }
        else if (exit is not null && verdicts.Count != 0 && !verdicts.Contains(implied))
        {
            _faults.Add(node, $"'{exit}' in line {exit.Line} ends with the verdict {implied}, found {string.Join(", ", verdicts)}.");
        }

        return verdicts;
    }

    private IReadOnlyList<string> Watch(YamlNode? node, YamlNode? ignored)
    {
        var watched = _read.Names(node, "a kind of kernel report", ScriptVocabulary.OptionalKernelReports);
        foreach (var item in ignored is YamlList list ? list.Items : ignored is null ? [] : [ignored])
        {
            if (item is YamlScalar scalar && watched.Contains(scalar.Text))
            {
                _faults.Add(item, $"{MessageText.Quote(scalar.Text)} stands under 'ignore' and under 'watch'.");
            }
        }

        return watched;
    }
}
