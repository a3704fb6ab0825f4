using System.Globalization;
using HvRunner.Abstractions;
using HvRunner.Kvm;
using HvRunner.Launch;
using HvRunner.Machine.Probes;
using HvRunner.Soft;

namespace HvRunner.Cli;

/// <summary>From findings to plain sentences. Pure, and never more than was found: what was not tried is not mentioned, or said to be unknown.</summary>
internal static class DoctorSentences
{
    internal const string Hypervisor = "Hypervisor";
    internal const string Processor = "Processor";
    internal const string Interrupts = "Interrupts";
    internal const string Software = "Soft processor";
    internal const string Meaning = "What this means";

    // An estimate: hvrun's own lean Linux guest took 25 s to its init on a KVM that ran ring 0 at 1.8 million instructions a second.
    private const double SmallLinuxInstructions = 45e6;

    /// <summary>All of them, those of a topic together, in the order of the headings.</summary>
    internal static IReadOnlyList<DoctorSentence> Of(DoctorFindings findings)
    {
        if (findings.Kvm is not { } kvm)
        {
            return [Unavailable(findings), .. AboutSoft(), NoGuests(findings.ExitStatus)];
        }

        var probe = findings.Probe ?? new HostProbeResult { Failure = "it was not run" };
        return
        [
            new DoctorSentence(Hypervisor, false, $"KVM is here, and this user may open it: {KvmHypervisor.DevicePath}, API version {kvm.ApiVersion}."),
            .. AboutProbe(probe),
            .. AboutSpeed(probe),
            .. AboutProcessor(kvm, probe),
            .. AboutInterrupts(kvm, probe),
            .. AboutSoft(),
            .. Consequences(kvm, probe),
        ];
    }

    /// <summary>What is there on every host.</summary>
    private static IEnumerable<DoctorSentence> AboutSoft()
    {
        using var soft = new SoftHypervisor();
        yield return new DoctorSentence(
            Software, false, $"hvrun's own processor needs no virtualization and runs here: --hypervisor {soft.Name}, {(soft.MaxVcpus == 1 ? "one vCPU" : $"{soft.MaxVcpus} vCPUs")}, --irqchip {string.Join(", ", soft.IrqchipModes.Select(OptionText.Irqchip))}.");
        yield return new DoctorSentence(Software, false, "With --clock virtual, two runs of a guest with the same input are identical.");
    }

    private static DoctorSentence NoGuests(int status) => new(
        Meaning, true, $"No guest can run on KVM here until that is mended; 'hvrun run' ends with status {status}.", "'hvrun run --hypervisor soft' runs guests on hvrun's own processor meanwhile");

    private static DoctorSentence Unavailable(DoctorFindings findings)
    {
        if (findings.IsPermission)
        {
            var (text, fix) = DoctorAccess.ExplainForbidden(findings.Host);
            return new DoctorSentence(Hypervisor, true, text, fix);
        }

        if (findings.Host.Node is null)
        {
            var (text, fix) = DoctorAccess.ExplainMissing(findings.Host);
            return new DoctorSentence(Hypervisor, true, text, fix);
        }

        return findings.Host.Node.IsCharacterDevice
            ? new DoctorSentence(Hypervisor, true, $"KVM cannot be used: {findings.Refusal}.")
            : new DoctorSentence(Hypervisor, true, $"{KvmHypervisor.DevicePath} is no device: {findings.Refusal}.", "remove it, and load KVM's driver again");
    }

    private static IEnumerable<DoctorSentence> AboutProbe(HostProbeResult probe)
    {
        if (probe.Refused)
        {
            yield return new DoctorSentence(
                Hypervisor, true, $"KVM opens, but does not make a virtual machine: {probe.Failure}.", "look for the reason in the kernel's log: sudo dmesg | grep -i kvm");
        }
        else if (probe.Failure is { } failure)
        {
            yield return new DoctorSentence(Hypervisor, true, $"The probe guest, by which the following is found out, came to no proper end: {failure}.");
        }
    }

    private static IEnumerable<DoctorSentence> AboutSpeed(HostProbeResult probe)
    {
        if (probe.Ring0InstructionsPerSecond is { } speed)
        {
            var about = probe.IsSpeedLowerBound ? "at least " : "about ";
            var measured = $"ring 0 runs {about}{Millions(speed)} million instructions a second, measured";
            yield return probe.SoftwareAssisted == true
                ? new DoctorSentence(Hypervisor, true, $"KVM here is software-assisted: {measured}.")
                : new DoctorSentence(Hypervisor, false, $"KVM here is hardware-assisted: {measured}.");
        }
        else if (!probe.Refused)
        {
            yield return new DoctorSentence(Hypervisor, true, "Whether KVM here is hardware- or software-assisted was not found out.");
        }

        if (probe.InstructionsTried.Count == 0)
        {
            yield break;
        }

        var tried = string.Join(" and ", probe.InstructionsTried);
        yield return probe.CompletedInstructions == 0
            ? new DoctorSentence(Hypervisor, false, $"KVM itself executes {tried}, which instruction emulators often lack.")
            : new DoctorSentence(
                Hypervisor, true, $"KVM refuses instructions in ring 0: of {tried}, {probe.CompletedInstructions} had to be completed by hvrun.");
    }

    private static IEnumerable<DoctorSentence> AboutProcessor(DoctorKvm kvm, HostProbeResult probe)
    {
        var recommended = kvm.ValueOf("KVM_CAP_NR_VCPUS");
        yield return new DoctorSentence(
            Processor, false, $"A guest may have {kvm.MaxVcpus} vCPUs at most{(recommended == 0 ? string.Empty : $"; KVM recommends no more than {recommended}")}.");
        if (probe.TscAdvances is { } advances)
        {
            var rate = probe.TscHertz is { } hertz ? $", at about {Millions(hertz)} MHz" : string.Empty;
            yield return advances
                ? new DoctorSentence(Processor, false, $"The time stamp counter advances in a guest{rate}.")
                : new DoctorSentence(Processor, true, "The time stamp counter does not advance in a guest.");
        }

        if (probe.PortWriteNs is { } nanoseconds)
        {
            yield return new DoctorSentence(
                Processor, false, $"Writing a byte to a port takes a guest about {(nanoseconds / 1000.0).ToString("0.#", CultureInfo.InvariantCulture)} us, from ring 0.");
        }
    }

    private static IEnumerable<DoctorSentence> AboutInterrupts(DoctorKvm kvm, HostProbeResult probe)
    {
        yield return new DoctorSentence(Interrupts, false, $"This hvrun can use these interrupt controllers here: --irqchip {string.Join(", ", kvm.IrqchipModes.Select(OptionText.Irqchip))}.");
        if (kvm.HasTscDeadlineInUserMode == false)
        {
            yield return new DoctorSentence(
                Interrupts, false, "With --irqchip user a guest's APIC timer has no TSC-deadline mode here, as KVM drops what the guest writes to that register; its other modes are there.");
        }

        if (kvm.CanSetCounterInUserMode == false)
        {
            yield return new DoctorSentence(
                Interrupts, false, "A guest cannot set its time stamp counter here, as KVM shows it the host's whatever it writes; with --irqchip user its writes are dropped, so that its timers stay right.");
        }

        if (probe.InterruptsDelivered == false)
        {
            yield return new DoctorSentence(Interrupts, true, "The local APIC in KVM does not deliver an interrupt that a guest sends to itself.");
            yield break;
        }

        if (probe.InServiceBitsKept is not { } kept)
        {
            yield return new DoctorSentence(Interrupts, true, "Whether the local APIC in KVM keeps its in-service bits was not found out.");
            yield break;
        }

        yield return kept
            ? new DoctorSentence(Interrupts, false, "The local APIC in KVM keeps its in-service bits.")
            : new DoctorSentence(Interrupts, true, "The local APIC in KVM does not keep its in-service bits: while a handler runs, they or the priority that follows from them do not show it.");
        if (probe.PriorityHeld is { } held)
        {
            yield return held
                ? new DoctorSentence(Interrupts, false, "It holds a lower-priority interrupt back until the handler of a higher one has ended.")
                : new DoctorSentence(Interrupts, true, "A lower-priority interrupt can interrupt a higher one's handler.");
        }

        if (probe.InterruptRules.Count != 0)
        {
            var broken = probe.InterruptRules.Where(rule => !rule.Value).Select(rule => InterruptRules.Otherwise(rule.Key)).ToList();
            yield return new DoctorSentence(
                Interrupts,
                false,
                broken.Count == 0
                    ? $"They keep {probe.InterruptRules.Count} further rules that hypervisors often leave out."
                    : $"Of {probe.InterruptRules.Count} rules that few kernels look at, they leave out {broken.Count}: {string.Join("; ", broken)}.");
        }
    }

    private static IEnumerable<DoctorSentence> Consequences(DoctorKvm kvm, HostProbeResult probe)
    {
        if (probe.Refused)
        {
            yield return NoGuests(69);
            yield break;
        }

        if (probe is { SoftwareAssisted: true, Ring0InstructionsPerSecond: { } speed and > 0 } && speed < HostProbe.SoftwareBelowPerSecond)
        {
            yield return new DoctorSentence(
                Meaning, true, $"Kernels are slow here: a small Linux kernel takes an estimated {Duration(SmallLinuxInstructions / speed)} to its init at this speed.",
                "'hvrun run --hypervisor soft' runs them on hvrun's own processor, which is faster here");
        }

        if (probe.CompletedInstructions != 0)
        {
            yield return new DoctorSentence(Meaning, true, "A guest whose kernel uses an instruction that KVM refuses, and hvrun does not know either, ends with the verdict cpu-error.");
        }

        if (probe.InServiceBitsKept == false || probe.PriorityHeld == false)
        {
            yield return new DoctorSentence(
                Meaning,
                true,
                "Guests that rely on nested interrupt priority, or read the local APIC's in-service bits, will misbehave with the interrupt controllers in KVM.",
                kvm.IrqchipModes.Contains(IrqchipMode.User) ? "hvrun run --irqchip user uses hvrun's own" : "hvrun run --hypervisor soft has hvrun's own");
        }

        else if (!probe.KeepsEveryInterruptRule && kvm.IrqchipModes.Contains(IrqchipMode.User))
        {
            yield return new DoctorSentence(Meaning, false, "What tests an interrupt controller in detail wants hvrun's own: --irqchip user.");
        }

        if (probe.TscAdvances == false)
        {
            yield return new DoctorSentence(Meaning, true, "Guests that tell time by the time stamp counter will hang or misbehave.");
        }

        if (probe is { Failure: null, SoftwareAssisted: false, InServiceBitsKept: true, PriorityHeld: true, TscAdvances: true })
        {
            yield return new DoctorSentence(
                Meaning, false, $"Nothing of what was tried is slow or wrong here{(probe.KeepsEveryInterruptRule ? string.Empty : ", but for these details of the interrupt controllers")}.");
        }
        else if (probe.Failure is not null)
        {
            yield return new DoctorSentence(Meaning, true, "The probe did not get to everything, so more may be slow or wrong.");
        }
    }

    private static string Millions(long value) => (value / 1e6).ToString(value < 100_000_000 ? "0.0" : "0", CultureInfo.InvariantCulture);

    private static string Duration(double seconds) =>
        seconds >= 180 ? $"{seconds / 60:0} minutes" : $"{seconds:0} seconds";
}
