using HvRunner.Soft;
using HvRunner.Testing.Scripts;

namespace HvRunner.Testing.Cases;

/// <summary>The one line for a shell that runs a case's guest without its script, for who wants to look into a failure.</summary>
internal static class RunLine
{
    /// <summary>The line; what the script types comes from a pipe.</summary>
    /// <param name="one">The case.</param>
    /// <param name="options">What it gives, and what the command line gives for it.</param>
    /// <param name="isSoft">It runs on hvrun's own processor, whoever said so.</param>
    internal static string Of(ScriptCase one, IReadOnlyDictionary<string, string> options, bool isSoft)
    {
        var words = new List<string> { "hvrun", "run" };
        if (isSoft && !options.ContainsKey("hypervisor"))
        {
            words.AddRange(["--hypervisor", SoftHypervisor.ShortName]);
        }

        foreach (var (name, value) in options.Where(option => option.Key != "kernel").OrderBy(option => option.Key, StringComparer.Ordinal))
        {
            words.Add($"--{name}");
            words.Add(value);
        }

        words.Add("--timeout");
        words.Add($"{one.Timeout.TotalSeconds.ToString("0.###", System.Globalization.CultureInfo.InvariantCulture)}s");
        words.Add(options.GetValueOrDefault("kernel", string.Empty));
        var line = string.Join(' ', words.Select(Quoted));
        var typed = string.Concat(one.Script.Steps.Select(Typed));
        return typed.Length == 0 ? line : $"printf '%b' {Quoted(typed.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal))} | {line}";
    }

    private static string Typed(Step step) => step switch
    {
        SendStep send => send.Text,
        ForEachStep commands => string.Concat(commands.Commands.Select(command => command.Run + "\n")),
        _ => string.Empty,
    };

    /// <summary>As one word of a POSIX shell.</summary>
    private static string Quoted(string word) =>
        word.Length != 0 && word.All(value => char.IsAsciiLetterOrDigit(value) || "-_./=,:+@%".Contains(value, StringComparison.Ordinal))
            ? word
            : $"'{word.Replace("'", "'\\''", StringComparison.Ordinal)}'";
}
