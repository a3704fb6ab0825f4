using HvRunner.Machine.Diagnostics;
using Xunit.Abstractions;

namespace HvRunner.Testing.Xunit;

/// <summary>
/// Where machines' lines go: the output of the test that runs. xunit's output throws once its test is over, and a machine may speak then or before any test
/// has begun; such lines are kept for the next test, as many as it may want to see. Any thread.
/// </summary>
internal sealed class TestOutput
{
    private const int MaxKept = 200;

    private readonly Lock _gate = new();
    private readonly Queue<string> _kept = new();
    private ITestOutputHelper? _output;

    /// <summary>A test begins: what was kept goes to its output, and all that comes.</summary>
    internal void Attach(ITestOutputHelper output)
    {
        lock (_gate)
        {
            _output = output;
            while (_kept.TryPeek(out var line) && TryWrite(line))
            {
                _kept.Dequeue();
            }
        }
    }

    /// <summary>Writes a line.</summary>
    internal void Write(string line)
    {
        lock (_gate)
        {
            if (TryWrite(line))
            {
                return;
            }

            if (_kept.Count == MaxKept)
            {
                _kept.Dequeue();
            }

            _kept.Enqueue(line);
        }
    }

    /// <summary>Writes how a machine has ended. The console's last lines are there already.</summary>
    /// <param name="machine">It has its verdict.</param>
    /// <param name="prefix">Stands before each line.</param>
    internal void WriteEnd(TestMachine machine, string prefix)
    {
        var verdict = machine.Verdict!;
        Write($"{prefix}verdict: {verdict.Name}{(verdict.Sentence is null ? "" : $" ({verdict.Sentence})")}");
        if (machine.Report.Outcome?.PostMortem is { } postMortem)
        {
            using var text = new StringWriter();
            PostMortemText.Write(text, postMortem with { ConsoleTail = [] }, prefix);
            foreach (var line in text.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries))
            {
                Write(line.TrimEnd('\r'));
            }
        }
    }

    private bool TryWrite(string line)
    {
        try
        {
            _output?.WriteLine(line);
        }
        catch (InvalidOperationException)
        {
            // That test is over.
            _output = null;
        }

        return _output is not null;
    }
}
