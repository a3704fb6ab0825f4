using HvRunner.Testing.KernelReports;
using HvRunner.Testing.Results;

namespace HvRunner.Testing.Ktap;

/// <summary>
/// Finds test results on a console: TAP 13 and 14 (testanything.org), KTAP 1 (Linux' Documentation/dev-tools/ktap.rst) and KUnit, each result
/// told as soon as its path is known. Lines are the console's, complete and in order, without escapes and line ends, at most 4,096 characters;
/// one thread. Whatever they are, nothing is thrown, memory is bounded and time linear. It does not run tests, nor does it keep results.
/// </summary>
/// <remarks>
/// A kernel's log and what programs print are two streams of one console, told apart by the kernel's prefixes, and each may hold TAP; while
/// only one does, both belong to it. A kernel's message breaks in on a program's line at any character: what stands before its time stamp is
/// read as a line that is cut, and the message as a line of its own.
/// </remarks>
internal sealed class KtapReader
{
    private readonly KtapOutput _output;
    private readonly KtapDocument _plain;
    private readonly KtapDocument _logged;

    // The beginning of "ok" or "not ok", if a line was cut there: the next line without a prefix may go on with it.
    private string? _begun;

    /// <summary><paramref name="found"/> is told of each result, on the thread that brings the lines.</summary>
    internal KtapReader(Action<SubCase> found)
    {
        _output = new KtapOutput(found);
        _plain = new KtapDocument(_output);
        _logged = new KtapDocument(_output);
    }

    internal long Passed => _output.Passed;

    internal long Failed => _output.Failed;

    internal long Skipped => _output.Skipped;

    /// <summary>Takes one line of the console.</summary>
    internal void Line(ReadOnlySpan<char> line)
    {
        while (true)
        {
            var prefix = KernelLogPrefix.Length(line);
            var isLogged = prefix > 0;
            var text = line[prefix..];
            if (_begun is not null && !isLogged)
            {
                text = GoOn(text);
            }

            if (!KtapLine.MayBe(text) && !_plain.WantsAll && !_logged.WantsAll)
            {
                return;
            }

            var document = DocumentOf(text, isLogged);
            var cut = text.TrimStart() is ['#' or '-', ..] ? -1 : KernelLogPrefix.IndexOfTimeStamp(text);
            if (cut < 0)
            {
                document.Take(text, isLogged, isCut: false);
                return;
            }

            if (!document.Take(text[..cut], isLogged, isCut: true))
            {
                if (!IsBeginning(text[..cut].TrimStart()))
                {
                    return;
                }

                _begun = text[..cut].ToString();
            }

            line = text[cut..];
        }
    }

    /// <summary>Nothing came for a while: a result that waits for more to be said about it is told now.</summary>
    internal void Quiet()
    {
        _plain.FlushWaiting();
        _logged.FlushWaiting();
    }

    /// <summary>The console ends: what is open is closed. Gives a sentence for each thing that does not add up; if there is one, the run has not passed.</summary>
    internal IReadOnlyList<string> Finish()
    {
        _plain.Finish();
        _logged.Finish();
        return _output.Faults();
    }

    private KtapDocument DocumentOf(ReadOnlySpan<char> text, bool isLogged)
    {
        var (own, other) = isLogged ? (_logged, _plain) : (_plain, _logged);
        return own.IsOpen || !other.IsOpen || other.IsComplete || IsVersion(text) ? own : other;
    }

    // A version line begins something of its stream's own, whatever the other is about.
    private static bool IsVersion(ReadOnlySpan<char> text) => text.TrimStart(" \t") is ['T' or 'K', ..];

    private ReadOnlySpan<char> GoOn(ReadOnlySpan<char> text)
    {
        var whole = string.Concat(_begun, text);
        _begun = null;
        return KtapLine.Read(whole).Kind == KtapLineKind.Result ? whole : text;
    }

    private static bool IsBeginning(ReadOnlySpan<char> text) => text.Length > 0 && ("ok".StartsWith(text, StringComparison.Ordinal) || "not ok".StartsWith(text, StringComparison.Ordinal));
}
