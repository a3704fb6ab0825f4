using System.Globalization;
using System.Text;
using HvRunner.Testing.Scripts;

namespace HvRunner.Testing.Tests.Scripts;

/// <summary>Reads scripts from texts, with no file behind them, and checks options by a few rules of its own.</summary>
internal sealed class Reading : IOptionChecker
{
    private static readonly FoundScript Found = new("t.vmtest.yaml", "/scripts/t.vmtest.yaml", "t.vmtest.yaml");

    /// <summary>The cases of a script that must have no fault.</summary>
    internal static IReadOnlyList<ScriptCase> Cases(string yaml)
    {
        var (cases, faults) = Load(Encoding.UTF8.GetBytes(yaml));
        Assert.Equal([], faults.Select(fault => fault.ToString()));
        return cases;
    }

    /// <summary>The one case of a script that has no matrix.</summary>
    internal static ScriptCase Case(string yaml) => Assert.Single(Cases(yaml));

    /// <summary>The one step of a script.</summary>
    internal static Step Step(string yaml) => Assert.Single(Case($"kernel: k\nprompt: '# '\nsteps:\n{yaml}\n").Script.Steps);

    /// <summary>All that is wrong with a script, as it is told.</summary>
    internal static IEnumerable<string> Faults(string yaml) => Load(Encoding.UTF8.GetBytes(yaml)).Faults.Select(fault => fault.ToString());

    /// <summary>Compares all that is wrong with a script, without the file's name.</summary>
    internal static void AssertFaults(string yaml, params string[] faults) => Assert.Equal(faults.Select(fault => $"{Found.Path}:{fault}"), Faults(yaml));

    internal static ScriptSet Load(byte[] bytes)
    {
        var faults = new FaultList(Found.Path);
        var cases = ScriptFile.Text(bytes, faults) is { } text ? new ScriptReader(Found, faults, new Reading()).Cases(text) : [];
        return new ScriptSet(cases, [.. faults.InOrder]);
    }

    public IEnumerable<(string? Option, string Sentence)> Check(IReadOnlyDictionary<string, string> options)
    {
        if (options.TryGetValue("cpus", out var cpus) && !int.TryParse(cpus, NumberStyles.None, CultureInfo.InvariantCulture, out _))
        {
            yield return ("cpus", $"expected a number, found '{cpus}'.");
        }

        var isSoft = options.GetValueOrDefault("hypervisor") == "soft";
        if (options.GetValueOrDefault("clock") == "virtual" && !isSoft)
        {
            yield return ("clock", "virtual was expected together with soft.");
        }

        if (isSoft && !options.ContainsKey("irqchip"))
        {
            yield return ("irqchip", "expected one with soft.");
        }
    }

    public bool TryDuration(string text, out TimeSpan duration)
    {
        var unit = text.EndsWith("ms", StringComparison.Ordinal) ? 1 : text.EndsWith('s') ? 1000 : text.EndsWith('m') ? 60_000 : 0;
        var isNumber = int.TryParse(text.TrimEnd('m', 's'), NumberStyles.None, CultureInfo.InvariantCulture, out var number);
        duration = isNumber ? TimeSpan.FromMilliseconds((double)number * unit) : default;
        return duration > TimeSpan.Zero;
    }
}
