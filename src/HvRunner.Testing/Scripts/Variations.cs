using HvRunner.Testing.Scripts.Yaml;

namespace HvRunner.Testing.Scripts;

/// <summary>Spreads a script out into its cases: one for each combination of its matrix, the last key varying fastest, each with its options checked.</summary>
internal sealed class Variations(NodeReader read, FaultList faults, IOptionChecker checker, FoundScript found)
{
    internal const int MaxCases = 1000;

    /// <summary>The cases of <paramref name="script"/>, whose keys are <paramref name="map"/>; of no use when there are faults.</summary>
    internal IReadOnlyList<ScriptCase> Cases(Script script, YamlMap map, TimeSpan timeout)
    {
        var shared = new Dictionary<string, OptionValue>(StringComparer.Ordinal);
        foreach (var (key, node) in map.Entries)
        {
            if (ScriptVocabulary.MachineOptions.Contains(key.Text) && Value(key.Text, node) is { } value)
            {
                shared.Add(key.Text, value);
            }
        }

        var axes = Axes(map);
        if (map["kernel"] is null && axes.All(axis => axis.Name != "kernel"))
        {
            faults.Add(map, "expected 'kernel: FILE', in the script or in its matrix, found none.");
        }

        var count = axes.Aggregate(1L, (product, axis) => Math.Min(product * axis.Values.Count, int.MaxValue));
        if (count > MaxCases)
        {
            faults.Add(map["matrix"]!, $"expected at most {MaxCases} cases, found {string.Join(" x ", axes.Select(axis => axis.Values.Count))} combinations.");
            return [];
        }

        var cases = new List<ScriptCase>((int)count);
        var names = new HashSet<string>(StringComparer.Ordinal);
        for (var index = 0; index < count; index++)
        {
            var one = Combination(script, shared, axes, index, timeout);
            if (!names.Add(one.FullName))
            {
                faults.Add(map["matrix"]!, $"two cases have the name {MessageText.Quote(one.FullName)}.");
            }

            Check(one, map);
            cases.Add(one);
        }

        return cases;
    }

    private ScriptCase Combination(Script script, Dictionary<string, OptionValue> shared, List<Axis> axes, int index, TimeSpan timeout)
    {
        var options = new Dictionary<string, OptionValue>(shared, StringComparer.Ordinal);
        var variation = new string[axes.Count];
        for (var i = axes.Count - 1; i >= 0; i--)
        {
            var (name, values) = axes[i];
            var (value, duration) = values[index % values.Count];
            index /= values.Count;
            variation[i] = $"{name}={value.Written}";
            if (name == ScriptVocabulary.Timeout)
            {
                timeout = duration;
            }
            else
            {
                options[name] = value;
            }
        }

        return new ScriptCase(script, string.Join(", ", variation), options, timeout);
    }

    private void Check(ScriptCase one, YamlMap map)
    {
        foreach (var (option, sentence) in checker.Check(one.Options.ToDictionary(option => option.Key, option => option.Value.Text)))
        {
            // A default that does not go with the rest stands nowhere.
            var at = option is null ? null : one.Options.GetValueOrDefault(option);
            faults.Add(at?.Line ?? map.Line, at?.Column ?? map.Column, sentence);
        }

        // What is no number of vCPUs is the checker's to tell.
        var cpus = one.Options.TryGetValue("cpus", out var given) ? int.TryParse(given.Text, out var number) ? number : 0 : 1;
        foreach (var nmi in one.Script.Steps.OfType<NmiStep>().Where(nmi => cpus > 0 && nmi.Vcpu >= cpus))
        {
            faults.Add(nmi.Line, nmi.Column, $"expected a vCPU below {cpus}, the number of 'cpus', found {nmi.Vcpu}.");
        }
    }

    private List<Axis> Axes(YamlMap map)
    {
        if (map["matrix"] is not { } node || node is YamlScalar { IsNull: true } || read.Map(node, "a map such as { irqchip: [kernel, user] }") is not { } matrix)
        {
            return [];
        }

        read.CheckKeys(matrix, "in a matrix", ScriptVocabulary.Varying);
        var axes = new List<Axis>();
        foreach (var (key, list) in matrix.Entries.Where(entry => ScriptVocabulary.Varying.Contains(entry.Key.Text)))
        {
            if (map[key.Text] is { } shared)
            {
                faults.Add(key, $"'{key.Text}' varies here, but line {shared.Line} gives it one value for all.");
            }

            if (list is not YamlList { Items.Count: > 0 })
            {
                faults.Add(list, "expected a list with at least one value, such as [1, 2].");
                continue;
            }

            if (Values(key.Text, (YamlList)list) is { Count: > 0 } values)
            {
                axes.Add(new Axis(key.Text, values));
            }
        }

        return axes;
    }

    private List<(OptionValue Value, TimeSpan Timeout)> Values(string name, YamlList list)
    {
        var values = new List<(OptionValue, TimeSpan)>();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var item in list.Items)
        {
            if (Value(name, item) is not { } value)
            {
                continue;
            }

            if (!seen.Add(value.Written))
            {
                faults.Add(item, $"{MessageText.Quote(value.Written)} stands twice under '{name}': two cases would have the same name.");
                continue;
            }

            values.Add((value, name == ScriptVocabulary.Timeout ? read.Duration(item) ?? default : default));
        }

        return values;
    }

    private OptionValue? Value(string name, YamlNode node)
    {
        // An empty text is a value of its own for some options.
        var text = node is YamlScalar { IsQuoted: true, Text: "" } && !ScriptVocabulary.Files.Contains(name) ? "" : read.Line(node, $"a value of '{name}'");
        if (text is null)
        {
            return null;
        }

        var value = ScriptVocabulary.Files.Contains(name) ? Path.GetFullPath(text, found.Folder) : text;
        return new OptionValue(value, text, node.Line, node.Column);
    }

    private sealed record Axis(string Name, IReadOnlyList<(OptionValue Value, TimeSpan Timeout)> Values);
}
