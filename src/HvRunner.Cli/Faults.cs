using HvRunner.Abstractions;

namespace HvRunner.Cli;

/// <summary>Gathers what is wrong with a command line and its files, so that everything is told in one go.</summary>
internal sealed class Faults
{
    private readonly List<InputFault> _faults = [];

    internal bool Any => _faults.Count != 0;

    internal void Usage(string sentence) => _faults.Add(new InputFault(InputFaultKind.Usage, sentence));

    internal void Add(InvalidInputException exception) => _faults.AddRange(exception.Faults);

    internal void ThrowIfAny()
    {
        if (Any)
        {
            throw new InvalidInputException(_faults);
        }
    }

    /// <summary>Runs what may find faults of its own; those are gathered, and the result is then the default.</summary>
    internal T? Try<T>(Func<T> action)
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
