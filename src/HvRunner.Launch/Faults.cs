using HvRunner.Abstractions;

namespace HvRunner.Launch;

/// <summary>Gathers what is wrong with a command line and its files, so that everything is told in one go.</summary>
public sealed class Faults
{
    private readonly List<InputFault> _faults = [];

    /// <summary>Something is wrong.</summary>
    public bool Any => _faults.Count != 0;

    /// <summary>A fault of the command line, as a sentence.</summary>
    public void Usage(string sentence) => _faults.Add(new InputFault(InputFaultKind.Usage, sentence));

    /// <summary>Adds faults as they are.</summary>
    public void Add(IEnumerable<InputFault> faults) => _faults.AddRange(faults);

    /// <summary>Adds the faults that somebody else found.</summary>
    public void Add(InvalidInputException exception) => _faults.AddRange(exception.Faults);

    /// <summary>Throws <see cref="InvalidInputException"/> with all of them, if there are any.</summary>
    public void ThrowIfAny()
    {
        if (Any)
        {
            throw new InvalidInputException(_faults);
        }
    }

    /// <summary>Runs what may find faults of its own; those are gathered, and the result is then the default.</summary>
    public T? Try<T>(Func<T> action)
    {
        try
        {
            return action();
        }
        catch (InvalidInputException exception)
        {
            Add(exception);
            return default;
        }
    }
}
