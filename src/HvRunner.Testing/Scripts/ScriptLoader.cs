using HvRunner.Abstractions;

namespace HvRunner.Testing.Scripts;

/// <summary>
/// From paths to cases: finds the scripts, reads and checks every one completely, and spreads their matrices out. Runs nothing and opens no
/// file but the scripts themselves.
/// </summary>
public static class ScriptLoader
{
    /// <summary>
    /// Loads the scripts that <paramref name="paths"/> stand for, each a file or a folder. Any thread; throws nothing for what is wrong with paths
    /// and files. A script with a fault gives no case.
    /// </summary>
    /// <param name="paths">As the user gave them.</param>
    /// <param name="checker">Knows the options of <c>hvrun run</c>; asked once for each case.</param>
    public static ScriptSet Load(IReadOnlyList<string> paths, IOptionChecker checker)
    {
        ArgumentNullException.ThrowIfNull(paths);
        ArgumentNullException.ThrowIfNull(checker);
        var faults = new List<ScriptFault>();
        var cases = new List<ScriptCase>();
        foreach (var found in ScriptDiscovery.Find(paths, faults))
        {
            var own = new FaultList(found.Path);
            var read = ScriptFile.Read(found.FullPath, own) is { } text ? new ScriptReader(found, own, checker).Cases(text) : [];
            faults.AddRange(own.InOrder);
            if (!own.Any)
            {
                cases.AddRange(read);
            }
        }

        return new ScriptSet(cases, faults);
    }
}

/// <summary>What was loaded. With any fault nothing should run: the user hears all of them first.</summary>
/// <param name="Cases">Script by script in the order of discovery, the cases of each in the order of its matrix.</param>
/// <param name="Faults">Path by path, then in the order of each file.</param>
public sealed record ScriptSet(IReadOnlyList<ScriptCase> Cases, IReadOnlyList<ScriptFault> Faults)
{
    /// <summary>The exit status that the faults ask for, or null when there are none: that of a missing file before that of a malformed one.</summary>
    public InputFaultKind? FaultKind => Faults.Count == 0 ? null : Faults.Max(fault => fault.Kind);
}
