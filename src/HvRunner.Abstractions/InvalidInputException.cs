namespace HvRunner.Abstractions;

/// <summary>Which kind of user's mistake a fault is; the value is the exit status (interface.md, "Verdicts and exit statuses").</summary>
public enum InputFaultKind
{
    /// <summary>The command line is wrong.</summary>
    Usage = 64,

    /// <summary>A kernel, initrd, image or script is malformed.</summary>
    BadInput = 65,

    /// <summary>An input file is missing or unreadable.</summary>
    NoInput = 66,
}

/// <summary>One thing wrong with what the user gave.</summary>
/// <param name="Kind">Decides the exit status.</param>
/// <param name="Sentence">Says what was expected, what was found and, where it helps, what to do. No trailing newline.</param>
public readonly record struct InputFault(InputFaultKind Kind, string Sentence);

/// <summary>The user's input is wrong: carries every fault that was found in one go. The command line prints the sentences.</summary>
public sealed class InvalidInputException : Exception
{
    /// <summary>Wraps the faults; there is at least one.</summary>
    public InvalidInputException(IReadOnlyList<InputFault> faults)
        : base(string.Join(Environment.NewLine, faults.Select(fault => fault.Sentence)))
    {
        Faults = faults;
    }

    /// <summary>A single fault.</summary>
    public InvalidInputException(InputFaultKind kind, string sentence)
        : this([new InputFault(kind, sentence)])
    {
    }

    /// <summary>All faults, in the order in which they were found.</summary>
    public IReadOnlyList<InputFault> Faults { get; }
}
