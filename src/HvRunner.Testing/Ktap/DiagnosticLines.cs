namespace HvRunner.Testing.Ktap;

/// <summary>Lines about one result, oldest first; what is too much is left out without a word.</summary>
internal sealed class DiagnosticLines
{
    internal const int MaxLines = 50;
    internal const int MaxLineChars = 500;

    private List<string>? _lines;

    internal bool IsFull => _lines?.Count >= MaxLines;

    /// <summary>Characters kept, for whoever holds many results back.</summary>
    internal int Chars { get; private set; }

    internal void Add(ReadOnlySpan<char> line)
    {
        if (IsFull)
        {
            return;
        }

        var kept = line[..Math.Min(line.Length, MaxLineChars)].ToString();
        (_lines ??= []).Add(kept);
        Chars += kept.Length;
    }

    /// <summary>Gives all lines away and is empty again.</summary>
    internal DiagnosticLines Take()
    {
        var taken = new DiagnosticLines { _lines = _lines, Chars = Chars };
        Clear();
        return taken;
    }

    internal void Clear()
    {
        _lines = null;
        Chars = 0;
    }

    internal IReadOnlyList<string> ToList() => _lines is null ? [] : _lines;
}
