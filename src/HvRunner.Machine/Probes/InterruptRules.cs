namespace HvRunner.Machine.Probes;

/// <summary>The rules of interrupt controllers that the probe guest asks for by name, because hypervisors are known to leave them out (guests/probe/rules.c, restart.c).</summary>
public static class InterruptRules
{
    private static readonly (string Name, string Otherwise)[] All =
    [
        ("taskPriorityHasEightBits", "the task priority register keeps its upper half alone"),
        ("lvtReservedBitsClear", "reserved bits of the local vector table can be set"),
        ("errorsLogged", "the error status register logs nothing"),
        ("illegalVectorsDropped", "vectors below 16 can be requested"),
        ("maskedTimerDropped", "what the APIC timer does while it is masked comes later"),
        ("ioApicPolarityHeeded", "every pin of the IO-APIC is active high"),
        ("picPollAcknowledges", "a poll of the 8259 pair puts nothing in service"),
        ("picRequestsTakenBack", "the 8259 pair keeps a request whose wire has fallen"),
        ("lint0DeliversByMode", "LINT0 delivers external interrupts alone"),
        ("extIntByPin0", "pin 0 of the IO-APIC delivers no external interrupts"),
        ("apicForgetsWhenOff", "an APIC that is switched off keeps its registers"),
        ("x2ApicReservedBitsRefused", "in x2APIC mode reserved bits can be written"),
        ("x2ApicTakesZeroAlone", "in x2APIC mode EOI and ESR take any value"),
        ("shortWindowsSeen", "an interrupt misses a window of one instruction"),
        ("levelsEndWithEoi", "a level-triggered interrupt is requested again before its EOI, or not ended by it"),
        ("oneNmiKept", "of several NMIs during one more than one is kept, or none"),
        ("startsWithRaisedPriority", "a processor that INIT stops while its task priority holds a request back does not start again"),
    ];

    /// <summary>Their names: those of the guest's lines, and of fields in <c>hvrun doctor --json</c>.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. All.Select(rule => rule.Name)];

    /// <summary>What a hypervisor does that does not keep the rule, as half a sentence. Throws <see cref="ArgumentException"/> for a name that is none.</summary>
    public static string Otherwise(string name)
    {
        foreach (var rule in All)
        {
            if (rule.Name == name)
            {
                return rule.Otherwise;
            }
        }

        throw new ArgumentException($"no rule has the name {name}", nameof(name));
    }
}
