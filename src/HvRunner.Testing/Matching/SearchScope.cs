using HvRunner.Testing.Console;

namespace HvRunner.Testing.Matching;

/// <summary>Which text a pattern may see: nothing before the search's start, and no more than a window's length before the place in question.</summary>
/// <param name="Transcript">Holds the text.</param>
/// <param name="Start">Where the search began; no match begins earlier.</param>
/// <param name="WindowChars">The longest match.</param>
internal readonly record struct SearchScope(ConsoleTranscript Transcript, long Start, int WindowChars)
{
    /// <summary>Where the window begins that ends at <paramref name="end"/>.</summary>
    internal long WindowStart(long end) => Math.Max(Start, end - WindowChars);

    /// <summary>
    /// The text of [<paramref name="from"/>, <paramref name="to"/>) behind the one character before it, which tells whether a line begins there;
    /// only where the console itself begins there is none. A match may begin at <paramref name="startAt"/>.
    /// </summary>
    internal ReadOnlySpan<char> Text(long from, long to, out int startAt)
    {
        startAt = from > 0 ? 1 : 0;
        return Transcript.Span(from - startAt, to);
    }
}
