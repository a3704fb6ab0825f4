using HvRunner.Abstractions;
using HvRunner.Testing.Scripts.Yaml;

namespace HvRunner.Testing.Scripts;

/// <summary>One thing wrong with a script, or with a path that should lead to one.</summary>
/// <param name="File">The path as the user gave it, with what was found below it.</param>
/// <param name="Line">From 1 on; 0 when the fault is the file's as a whole.</param>
/// <param name="Column">From 1 on, in UTF-16 units; 0 when the fault is the file's as a whole.</param>
/// <param name="Sentence">Says what was expected and what was found; lower case, with a full stop.</param>
/// <param name="Kind">Decides the exit status.</param>
public sealed record ScriptFault(string File, int Line, int Column, string Sentence, InputFaultKind Kind)
{
    /// <summary>A fault of a file as a whole.</summary>
    internal ScriptFault(string file, string sentence, InputFaultKind kind)
        : this(file, 0, 0, sentence, kind)
    {
    }

    /// <summary>As it is told: <c>file:line:column: sentence</c>.</summary>
    public override string ToString() => Line == 0 ? $"{File}: {Sentence}" : $"{File}:{Line}:{Column}: {Sentence}";
}

/// <summary>
/// Gathers the faults of one script. What an alias repeats, or what several cases of a matrix share, is told once.
/// </summary>
internal sealed class FaultList(string file)
{
    private readonly HashSet<ScriptFault> _faults = [];

    internal bool Any => _faults.Count != 0;

    /// <summary>All of them in the order of the file.</summary>
    internal IEnumerable<ScriptFault> InOrder => _faults.OrderBy(fault => fault.Line).ThenBy(fault => fault.Column);

    internal void Add(YamlNode at, string sentence) => Add(at.Line, at.Column, sentence);

    internal void Add(int line, int column, string sentence) => _faults.Add(new ScriptFault(file, line, column, sentence, InputFaultKind.BadInput));

    internal void AddWhole(string sentence, InputFaultKind kind) => _faults.Add(new ScriptFault(file, sentence, kind));
}
