using HvRunner.Abstractions;
using HvRunner.Machine.Diagnostics;
using HvRunner.Machine.Verdicts;

namespace HvRunner.Cli;

/// <summary>
/// How hvrun tells the end: what went wrong as sentences, the post-mortem where there is one, and the verdict as the last line on standard
/// error. Every exception that can reach the command line becomes a verdict here.
/// </summary>
internal static class Ending
{
    private const string Prefix = "hvrun: ";

    /// <summary>The verdict that an exception stands for.</summary>
    internal static Verdict VerdictOf(Exception exception) => exception switch
    {
        InvalidInputException input => VerdictOf(input.Faults),
        HypervisorUnavailableException { IsPermission: true } => new Verdict(VerdictKind.NoPermission),
        HypervisorUnavailableException => new Verdict(VerdictKind.NoHypervisor),
        HypervisorException => new Verdict(VerdictKind.NoHypervisor),
        _ => new Verdict(VerdictKind.Internal),
    };

    /// <summary>Tells an exception and its verdict; the exit status.</summary>
    internal static int Tell(Exception exception, Verdict verdict)
    {
        if (exception is InvalidInputException input)
        {
            return Tell(input.Faults);
        }

        if (verdict.Kind == VerdictKind.Internal)
        {
            Console.Error.WriteLine($"{Prefix}a fault of hvrun's own; please report it with the command line and these lines:");
            foreach (var line in exception.ToString().Split('\n'))
            {
                Console.Error.WriteLine($"{Prefix}  {line.TrimEnd()}");
            }
        }
        else
        {
            Console.Error.WriteLine($"{Prefix}{exception.Message}");
        }

        return Tell(verdict, null);
    }

    /// <summary>Tells what is wrong with the input, and the verdict; the exit status.</summary>
    internal static int Tell(IReadOnlyList<InputFault> faults)
    {
        foreach (var fault in faults)
        {
            Console.Error.WriteLine($"{Prefix}{fault.Sentence}");
        }

        if (faults.Any(fault => fault.Kind == InputFaultKind.Usage))
        {
            Console.Error.WriteLine($"{Prefix}'hvrun run --help' explains the options");
        }

        return Tell(VerdictOf(faults), null);
    }

    /// <summary>Tells a verdict with its post-mortem; the exit status.</summary>
    internal static int Tell(Verdict verdict, PostMortem? postMortem)
    {
        if (postMortem is not null)
        {
            PostMortemText.Write(Console.Error, postMortem, Prefix);
        }

        var sentence = verdict.Sentence is null || verdict.Kind == VerdictKind.Interrupted ? string.Empty : $" ({verdict.Sentence})";
        if (verdict.Kind == VerdictKind.Internal && verdict.Sentence is not null)
        {
            // A stack trace does not belong into the last line.
            Console.Error.WriteLine($"{Prefix}a fault of hvrun's own; please report it with the command line and these lines:");
            foreach (var line in verdict.Sentence.Split('\n'))
            {
                Console.Error.WriteLine($"{Prefix}  {line.TrimEnd()}");
            }

            sentence = string.Empty;
        }

        Console.Error.WriteLine($"{Prefix}verdict: {verdict.Name}{sentence}");
        return verdict.Status;
    }

    /// <summary>Several faults of several kinds: a wrong command line weighs more than a malformed file, that more than a missing one.</summary>
    private static Verdict VerdictOf(IReadOnlyList<InputFault> faults) => new((VerdictKind)(int)faults.Min(fault => fault.Kind));
}
