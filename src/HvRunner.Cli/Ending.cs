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
        // Before a guest has run, a host that refuses to create a machine is one without a usable hypervisor.
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
            StandardError.Words.WriteLine($"{Prefix}a fault of hvrun's own; please report it with the command line and these lines:");
            foreach (var line in exception.ToString().Split('\n'))
            {
                StandardError.Words.WriteLine($"{Prefix}  {line.TrimEnd()}");
            }
        }
        else
        {
            StandardError.Words.WriteLine($"{Prefix}{exception.Message}");
        }

        if (exception is HypervisorException)
        {
            StandardError.Words.WriteLine($"{Prefix}--hypervisor soft runs guests on hvrun's own processor, which needs no virtualization");
        }

        return Tell(verdict, null);
    }

    /// <summary>Tells what is wrong with the input, and the verdict; the exit status.</summary>
    /// <param name="faults">What is wrong.</param>
    /// <param name="command">The command's name and a blank, where the fault lies in one.</param>
    internal static int Tell(IReadOnlyList<InputFault> faults, string command = "run ")
    {
        foreach (var fault in faults)
        {
            StandardError.Words.WriteLine($"{Prefix}{fault.Sentence}");
        }

        if (faults.Any(fault => fault.Kind == InputFaultKind.Usage))
        {
            StandardError.Words.WriteLine($"{Prefix}'hvrun {command}--help' explains what is expected");
        }

        return Tell(VerdictOf(faults), null);
    }

    /// <summary>Tells a verdict with its post-mortem; the exit status.</summary>
    internal static int Tell(Verdict verdict, PostMortem? postMortem)
    {
        if (postMortem is not null)
        {
            PostMortemText.Write(StandardError.Words, postMortem, Prefix);
        }

        if (verdict.Kind == VerdictKind.Internal && verdict.Sentence is not null)
        {
            StandardError.Words.WriteLine($"{Prefix}a fault of hvrun's own; please report it with the command line and these lines:");
            foreach (var line in verdict.Sentence.Split('\n'))
            {
                StandardError.Words.WriteLine($"{Prefix}  {line.TrimEnd()}");
            }
        }

        StandardError.Words.WriteLine(LineOf(verdict));
        return verdict.Status;
    }

    /// <summary>The last line of a run. An interruption's reason is known to who interrupted, and a stack trace does not belong into one line.</summary>
    internal static string LineOf(Verdict verdict)
    {
        var isPlain = verdict.Sentence is null || verdict.Kind is VerdictKind.Interrupted or VerdictKind.Internal;
        return $"{Prefix}verdict: {verdict.Name}{(isPlain ? string.Empty : $" ({verdict.Sentence})")}";
    }

    /// <summary>Several faults of several kinds: a wrong command line weighs more than a malformed file, that more than a missing one.</summary>
    private static Verdict VerdictOf(IReadOnlyList<InputFault> faults) => new((VerdictKind)(int)faults.Min(fault => fault.Kind));
}
