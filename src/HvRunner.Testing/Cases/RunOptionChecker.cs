using HvRunner.Launch;
using HvRunner.Testing.Scripts;

namespace HvRunner.Testing.Cases;

/// <summary>Checks a script's options as <c>hvrun run</c> does, behind the defaults that the command line gives for scripts that do not say.</summary>
/// <param name="defaults">Option name without dashes to text.</param>
internal sealed class RunOptionChecker(IReadOnlyDictionary<string, string> defaults) : IOptionChecker
{
    /// <inheritdoc/>
    public IEnumerable<(string? Option, string Sentence)> Check(IReadOnlyDictionary<string, string> options)
    {
        var faults = new List<(string? Option, string Sentence)>();
        Read(options, (option, sentence) => faults.Add((options.ContainsKey(option) ? option : null, options.ContainsKey(option) ? sentence : $"{option}: {sentence}")));
        return faults;
    }

    /// <inheritdoc/>
    public bool TryDuration(string text, out TimeSpan duration) => OptionText.TryDuration(text, out duration);

    /// <summary>A case's settings; it was checked before.</summary>
    internal RunSettings SettingsOf(ScriptCase one) => Read(Given(one), (_, _) => { });

    /// <summary>The case's options with the defaults for those that it does not give.</summary>
    internal IReadOnlyDictionary<string, string> OptionsOf(ScriptCase one)
    {
        var all = new Dictionary<string, string>(defaults, StringComparer.Ordinal);
        foreach (var (name, text) in Given(one))
        {
            all[name] = text;
        }

        return all;
    }

    private static Dictionary<string, string> Given(ScriptCase one) => one.Options.ToDictionary(option => option.Key, option => option.Value.Text, StringComparer.Ordinal);

    private RunSettings Read(IReadOnlyDictionary<string, string> options, Action<string, string> fault) =>
        new RunSettingsReader(name => options.GetValueOrDefault(name) ?? defaults.GetValueOrDefault(name), fault).Read(options.GetValueOrDefault("kernel"), []);
}
