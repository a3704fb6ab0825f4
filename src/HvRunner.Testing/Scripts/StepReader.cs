using HvRunner.Testing.Scripts.Yaml;

namespace HvRunner.Testing.Scripts;

/// <summary>Reads the steps of a script, each a map with one action. What depends on the order of steps is <see cref="StepOrder"/>'s.</summary>
/// <param name="read">Takes the values.</param>
/// <param name="patterns">Takes the patterns.</param>
/// <param name="prompt">The script's prompt for commands, or null.</param>
internal sealed class StepReader(NodeReader read, PatternReader patterns, PatternText? prompt)
{
    /// <summary>A step for each item, null for one with a fault that leaves nothing of it.</summary>
    internal IReadOnlyList<Step?> Read(YamlNode? node) => [.. read.Items(node, "a list of steps").Select(ReadOne)];

    private Step? ReadOne(YamlNode node)
    {
        if (node is YamlScalar { IsNull: false } scalar && ScriptVocabulary.Actions.Contains(scalar.Text))
        {
            read.Fault(node, $"expected a step such as '{scalar.Text}: ...', found {MessageText.Quote(scalar.Text)} without a colon.");
            return null;
        }

        if (read.Map(node, "a step such as 'expect: \"login:\"'") is not { } map)
        {
            return null;
        }

        var actions = map.Entries.Where(entry => ScriptVocabulary.Actions.Contains(entry.Key.Text)).ToList();
        read.CheckKeys(map, "in a step", [.. ScriptVocabulary.Actions, "within", "since", "prompt"]);
        if (actions is not [var (key, value)])
        {
            // A misspelt action has been told already.
            if (actions.Count > 1)
            {
                read.Fault(actions[1].Key, $"expected one action in a step, found '{actions[0].Key.Text}' and '{actions[1].Key.Text}'; each step begins with its own dash.");
            }
            else if (map.Entries.All(entry => entry.Key.Text is "within" or "since" or "prompt"))
            {
                read.Fault(map, $"expected one action in a step ({string.Join(", ", ScriptVocabulary.Actions)}), found none.");
            }

            return null;
        }

        var beside = ScriptVocabulary.BesideAction(key.Text);
        foreach (var entry in map.Entries.Where(entry => entry.Key.Text is "within" or "since" or "prompt" && !beside.Contains(entry.Key.Text)))
        {
            var with = ScriptVocabulary.Actions.Where(action => ScriptVocabulary.BesideAction(action).Contains(entry.Key.Text));
            read.Fault(entry.Key, $"'{entry.Key.Text}' does not go with '{key.Text}'; it goes with {string.Join(", ", with)}.");
        }

        var within = beside.Contains("within") ? read.Duration(map["within"]) : null;
        Step? step = key.Text switch
        {
            "expect" => patterns.Patterns(value, "any", "all") is var (found, how) ? new ExpectStep(key.Line, found, how == "all", within) : null,
            "send" => Send(key.Line, value),
            "reject" => patterns.Patterns(value, "any") is var (found, _) ? new RejectStep(key.Line, found) : null,
            "pause" when value is YamlScalar { IsNull: true } => new PauseStep(key.Line, null),
            "pause" => read.Duration(value) is { } duration ? new PauseStep(key.Line, duration) : null,
            "resume" => Resume(key.Line, value),
            "wait" => read.Duration(value) is { } duration ? new WaitStep(key.Line, duration) : null,
            "nmi" when value is YamlScalar { IsNull: true } => new NmiStep(key.Line, 0),
            "nmi" => read.Number(value, 0, 4095, "a vCPU's number") is { } vcpu ? new NmiStep(key.Line, vcpu) : null,
            "mark" => Mark(key.Line, value, map, within),
            "exit-status" => read.Number(value, 0, 63, "a status") is { } status ? new ExitStatusStep(key.Line, status, within) : null,
            _ => ForEach(key, value, map["prompt"], within),
        };
        return step is null ? null : step with { Column = key.Column };
    }

    private SendStep? Send(int line, YamlNode value)
    {
        const string Expected = "a text to send, or { text: \"...\", delay: 5ms }";
        TimeSpan? delay = null;
        if (value is YamlMap map)
        {
            read.CheckKeys(map, "in what is sent", ["text", "delay"]);
            delay = read.Duration(map["delay"]);
            if (map["text"] is not { } text)
            {
                read.Fault(map, $"expected {Expected}, found no text.");
                return null;
            }

            value = text;
        }

        if (read.Text(value, Expected) is not { } sent)
        {
            return null;
        }

        if (sent.Length == 0)
        {
            read.Fault(value, "expected a text to send, found an empty one; \"\\n\" is the return key.");
        }

        if (value is YamlScalar { IsQuoted: false } && sent.EndsWith("\\n", StringComparison.Ordinal))
        {
            read.Fault(value, "without double quotes \\n is a backslash and an n, not the return key; single quotes say that this is meant.");
        }

        return new SendStep(line, sent, delay);
    }

    private ResumeStep? Resume(int line, YamlNode value)
    {
        if (value is not YamlScalar { IsNull: true })
        {
            read.Fault(value, "expected nothing behind 'resume:', found a value.");
        }

        return new ResumeStep(line);
    }

    private MarkStep? Mark(int line, YamlNode value, YamlMap map, TimeSpan? within)
    {
        var since = map["since"] is { } from ? read.Line(from, "an earlier mark's name") : null;
        if (map["since"] is { } lone && map["within"] is null)
        {
            read.Fault(lone, "'since' says from where 'within' is measured, but there is no 'within'.");
        }

        return read.Line(value, "a mark's name") is { } name ? new MarkStep(line, name, within, since) : null;
    }

    private ForEachStep? ForEach(YamlScalar key, YamlNode value, YamlNode? ownPrompt, TimeSpan? within)
    {
        var shown = ownPrompt is null ? prompt : patterns.Pattern(ownPrompt);
        if (shown is null && ownPrompt is null)
        {
            read.Fault(key, "expected 'prompt: ...' beside 'for each' or at the top of the script, such as prompt: \"# \"; found none.");
        }

        var items = read.Items(value, "a list of commands");
        if (items.Count == 0 && value is YamlList or YamlScalar { IsNull: true })
        {
            read.Fault(value, "expected at least one command, found none.");
        }

        var commands = items.Select(item => Command(item, within)).OfType<ShellCommand>().ToList();
        return shown is null || commands.Count == 0 ? null : new ForEachStep(key.Line, commands, shown);
    }

    private ShellCommand? Command(YamlNode node, TimeSpan? within)
    {
        const string Expected = "a command, or { run: \"...\", status: 0, expect: ..., within: 10s }";
        if (node is not YamlMap map)
        {
            return read.Line(node, Expected) is { } line ? new ShellCommand(node.Line, line, 0, null, within) : null;
        }

        read.CheckKeys(map, "in a command", ["run", "status", "expect", "within"]);
        var status = map["status"] is { } number ? read.Number(number, 0, 255, "a status") : 0;
        var expect = map["expect"] is { } pattern ? patterns.Pattern(pattern) : null;
        var own = read.Duration(map["within"]);
        if (map["run"] is not { } run)
        {
            read.UnexpectedText(map, Expected);
            return null;
        }

        return read.Line(run, "a command") is { } text ? new ShellCommand(node.Line, text, status ?? 0, expect, own ?? within) : null;
    }
}
