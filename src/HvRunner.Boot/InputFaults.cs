using HvRunner.Abstractions;

namespace HvRunner.Boot;

/// <summary>
/// Collects what is wrong with the user's input, so that everything is said in one go. Sentences are kept apart from their subject: an
/// exception puts the file's name before each, an inspection has said it already. A hostile file cannot make the list long.
/// </summary>
internal sealed class InputFaults(string subject)
{
    private const int MaxListed = 40;

    private List<(InputFaultKind Kind, string Subject, string Sentence)>? _entries;

    /// <summary>How many were found, including those that the list leaves out.</summary>
    public int Count { get; private set; }

    /// <summary>Notes a fault of the subject. The sentence starts in lower case and ends with a full stop.</summary>
    public void Add(string sentence) => Add(InputFaultKind.BadInput, subject, sentence);

    /// <summary>Notes a fault of something else that came with it.</summary>
    public void Add(InputFaultKind kind, string otherSubject, string sentence)
    {
        Count++;
        _entries ??= [];
        if (_entries.Count < MaxListed)
        {
            _entries.Add((kind, otherSubject, sentence));
        }
    }

    /// <summary>Throws when there is anything to say.</summary>
    public void ThrowIfAny()
    {
        if (_entries is null)
        {
            return;
        }

        var faults = new List<InputFault>(_entries.Count + 1);
        foreach (var (kind, about, sentence) in _entries)
        {
            faults.Add(new InputFault(kind, $"{about}: {sentence}"));
        }

        if (Count > _entries.Count)
        {
            faults.Add(new InputFault(InputFaultKind.BadInput, $"{subject}: {Count - _entries.Count} further faults are not listed."));
        }

        throw new InvalidInputException(faults);
    }

    /// <summary>All sentences as one text, without their subjects.</summary>
    public string ToText()
    {
        var text = new System.Text.StringBuilder();
        foreach (var (_, _, sentence) in _entries ?? [])
        {
            text.Append(text.Length == 0 ? "" : " ").Append(char.ToUpperInvariant(sentence[0])).Append(sentence, 1, sentence.Length - 1);
        }

        return text.ToString();
    }
}
