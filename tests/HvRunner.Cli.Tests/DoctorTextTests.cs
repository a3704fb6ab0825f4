using System.Text;
using System.Text.Json;
using HvRunner.Abstractions;
using HvRunner.Kvm;
using HvRunner.Machine.Probes;

namespace HvRunner.Cli.Tests;

public sealed class DoctorTextTests
{
    private static bool? KvmField(DoctorFindings findings, string name)
    {
        using var told = new MemoryStream();
        DoctorJson.Write(told, findings);
        using var document = JsonDocument.Parse(told.ToArray());
        var field = document.RootElement.GetProperty("kvm").GetProperty(name);
        return field.ValueKind == JsonValueKind.Null ? null : field.GetBoolean();
    }

    private static readonly KvmDeviceNode Node = new(true, 0, 104, (UnixFileMode)0x1b0);

    private static readonly HostProbeResult Software = new()
    {
        Ring0InstructionsPerSecond = 2_000_000,
        SoftwareAssisted = true,
        InterruptsDelivered = true,
        InServiceBitsKept = false,
        PriorityHeld = false,
        TscAdvances = true,
        TscHertz = 2_597_000_000,
        PortWriteNs = 12_340,
        InstructionsTried = ["popcnt", "clac"],
        CompletedInstructions = 2,
    };

    private static readonly HostProbeResult Hardware = new()
    {
        Ring0InstructionsPerSecond = 1_000_000_000,
        IsSpeedLowerBound = true,
        SoftwareAssisted = false,
        InterruptsDelivered = true,
        InServiceBitsKept = true,
        PriorityHeld = true,
        TscAdvances = true,
        PortWriteNs = 900,
        InstructionsTried = ["popcnt"],
    };

    private static DoctorFindings Opened(HostProbeResult? probe, params IReadOnlyList<IrqchipMode> modes) => new()
    {
        Host = new DoctorHost { User = "eva", Node = Node },
        Kvm = new DoctorKvm(
            12,
            1024,
            modes.Count == 0 ? [IrqchipMode.Kernel] : modes,
            [new KvmCapability("KVM_CAP_NR_VCPUS", 9, 2, "recommended number of vCPUs"), new KvmCapability("KVM_CAP_X86_SMM", 117, 0, "system management mode")]),
        Probe = probe,
    };

    private static List<string> Lines(DoctorFindings findings) => [.. DoctorText.Lines(findings)];

    [Fact]
    public void SoftwareAssistedHost_IsToldWithItsConsequences()
    {
        var findings = Opened(Software);
        var lines = Lines(findings);

        Assert.Equal(0, findings.ExitStatus);
        Assert.Contains("! KVM here is software-assisted: ring 0 runs about 2.0 million instructions a second, measured.", lines);
        Assert.Contains("! KVM refuses instructions in ring 0: of popcnt and clac, 2 had to be completed by hvrun.", lines);
        Assert.Contains("  A guest may have 1024 vCPUs at most; KVM recommends no more than 2.", lines);
        Assert.Contains("  The time stamp counter advances in a guest, at about 2597 MHz.", lines);
        Assert.Contains("  Writing a byte to a port takes a guest about 12.3 us, from ring 0.", lines);
        Assert.Contains(lines, line => line.StartsWith("! The local APIC in KVM does not keep its in-service bits:", StringComparison.Ordinal));
        Assert.Contains("! A lower-priority interrupt can interrupt a higher one's handler.", lines);
        Assert.Contains(lines, line => line.StartsWith("! Kernels are slow here:", StringComparison.Ordinal) && line.EndsWith("an estimated 23 seconds to its init at this speed.", StringComparison.Ordinal));
        Assert.Contains(lines, line => line.Contains("nested interrupt priority", StringComparison.Ordinal));
        Assert.DoesNotContain(lines, line => line.Contains("hvrun run --irqchip user", StringComparison.Ordinal));
    }

    [Fact]
    public void RulesThatAreLeftOut_AreNamedAndAreNoProblem()
    {
        var rules = new Dictionary<string, bool> { ["errorsLogged"] = false, ["extIntByPin0"] = true, ["picPollAcknowledges"] = false };
        var lines = Lines(Opened(Hardware with { InterruptRules = rules }, IrqchipMode.Kernel, IrqchipMode.User));
        Assert.Contains(
            "  Of 3 rules that few kernels look at, they leave out 2: the error status register logs nothing; a poll of the 8259 pair puts nothing in service.", lines);
        Assert.Contains("  What tests an interrupt controller in detail wants hvrun's own: --irqchip user.", lines);
        Assert.Contains("  Nothing of what was tried is slow or wrong here, but for these details of the interrupt controllers.", lines);

        lines = Lines(Opened(Hardware with { InterruptRules = new Dictionary<string, bool> { ["extIntByPin0"] = true } }, IrqchipMode.Kernel, IrqchipMode.User));
        Assert.Contains("  They keep 1 further rules that hypervisors often leave out.", lines);
        Assert.Contains("  Nothing of what was tried is slow or wrong here.", lines);
    }

    [Fact]
    public void EveryRule_HasWordsAndAField()
    {
        var findings = Opened(Hardware with { InterruptRules = InterruptRules.Names.ToDictionary(name => name, _ => false) });
        using var told = new MemoryStream();
        DoctorJson.Write(told, findings);
        using var document = JsonDocument.Parse(told.ToArray());
        var text = string.Join('\n', Lines(findings));
        foreach (var name in InterruptRules.Names)
        {
            Assert.False(document.RootElement.GetProperty("probe").GetProperty(name).GetBoolean());
            Assert.Contains(InterruptRules.Otherwise(name), text, StringComparison.Ordinal);
        }

        Assert.Throws<ArgumentException>(() => InterruptRules.Otherwise("nonesuch"));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    [InlineData(null)]
    public void DeadlineThatKvmDrops_IsTold(bool? passedOn)
    {
        var findings = Opened(Hardware, IrqchipMode.Kernel, IrqchipMode.User);
        findings = findings with { Kvm = findings.Kvm! with { HasTscDeadlineInUserMode = passedOn } };
        Assert.Equal(passedOn == false, Lines(findings).Any(line => line.StartsWith("  With --irqchip user a guest's APIC timer has no TSC-deadline mode here,", StringComparison.Ordinal)));
        Assert.Equal(passedOn, KvmField(findings, "userTscDeadline"));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    [InlineData(null)]
    public void CounterThatStaysTheHosts_IsTold(bool? settable)
    {
        var findings = Opened(Hardware, IrqchipMode.Kernel, IrqchipMode.User);
        findings = findings with { Kvm = findings.Kvm! with { CanSetCounterInUserMode = settable } };
        Assert.Equal(settable == false, Lines(findings).Any(line => line.StartsWith("  A guest cannot set its time stamp counter here,", StringComparison.Ordinal)));
        Assert.Equal(settable, KvmField(findings, "userTscWritable"));
    }

    [Fact]
    public void SoftProcessor_IsRecommendedWhereItIsFaster()
    {
        const string Recommendation = "    What to do: 'hvrun run --hypervisor soft' runs them on hvrun's own processor, which is faster here.";
        Assert.Contains(Recommendation, Lines(Opened(Software)));
        Assert.True(Opened(Software).IsSoftBetter);
        Assert.DoesNotContain(Recommendation, Lines(Opened(Hardware)));
        Assert.False(Opened(Hardware).IsSoftBetter);
    }

    [Fact]
    public void SoftProcessor_IsThereOnEveryHost() =>
        Assert.All(
            [Opened(Software), Opened(Hardware), new DoctorFindings { Host = new DoctorHost { User = "eva" }, Refusal = "there is no /dev/kvm" }],
            findings => Assert.Contains(Lines(findings), line => line.Contains("runs here: --hypervisor soft, 64 vCPUs, --irqchip user.", StringComparison.Ordinal)));

    [Fact]
    public void HardwareHost_HasNothingMarked()
    {
        var lines = Lines(Opened(Hardware));

        Assert.DoesNotContain(lines, line => line.StartsWith('!'));
        Assert.Contains("  KVM here is hardware-assisted: ring 0 runs at least 1000 million instructions a second, measured.", lines);
        Assert.Equal("  Nothing of what was tried is slow or wrong here.", lines[^1]);
    }

    [Fact]
    public void Headings_StandInOrder() =>
        Assert.Equal(
            ["Hypervisor", "Processor", "Interrupts", "Soft processor", "Capabilities", "What this means"],
            Lines(Opened(Software)).Where(line => line[0] is not (' ' or '!')));

    [Fact]
    public void AbsentCapability_IsListedAsAbsent() =>
        Assert.Contains(Lines(Opened(Hardware)), line => line.StartsWith("  KVM_CAP_X86_SMM", StringComparison.Ordinal) && line.Contains(" absent ", StringComparison.Ordinal));

    [Fact]
    public void OwnInterruptControllers_AreTheWayAroundALossyApic() =>
        Assert.Contains("    What to do: hvrun run --irqchip user uses hvrun's own.", Lines(Opened(Software, IrqchipMode.Kernel, IrqchipMode.User)));

    [Fact]
    public void FailedProbe_LeavesNothingClaimed()
    {
        var findings = Opened(new HostProbeResult { Failure = "the probe guest did not speak" });
        var lines = Lines(findings);

        Assert.Equal(0, findings.ExitStatus);
        Assert.Contains("! The probe guest, by which the following is found out, came to no proper end: the probe guest did not speak.", lines);
        Assert.Contains("! Whether KVM here is hardware- or software-assisted was not found out.", lines);
        Assert.Contains("! Whether the local APIC in KVM keeps its in-service bits was not found out.", lines);
        Assert.DoesNotContain(lines, line => line.Contains("Nothing of what was tried", StringComparison.Ordinal));
        Assert.DoesNotContain(lines, line => line.Contains("time stamp counter advances", StringComparison.Ordinal));
    }

    [Fact]
    public void RefusedMachine_IsNoUsableHypervisor()
    {
        var findings = Opened(new HostProbeResult { Failure = "KVM_CREATE_VM was refused by KVM: busy (errno 16)", Refused = true });

        Assert.Equal(69, findings.ExitStatus);
        Assert.Contains("! KVM opens, but does not make a virtual machine: KVM_CREATE_VM was refused by KVM: busy (errno 16).", Lines(findings));
    }

    [Fact]
    public void MissingDevice_EndsWith69()
    {
        var findings = new DoctorFindings { Host = new DoctorHost { User = "eva" }, Refusal = "there is no /dev/kvm" };
        var lines = Lines(findings);

        Assert.Equal(69, findings.ExitStatus);
        Assert.Equal("Hypervisor", lines[0]);
        Assert.StartsWith("! There is no /dev/kvm, and /proc/cpuinfo shows no virtualization", lines[1], StringComparison.Ordinal);
        Assert.Equal("! No guest can run on KVM here until that is mended; 'hvrun run' ends with status 69.", lines[^2]);
        Assert.Contains("--hypervisor soft", lines[^1], StringComparison.Ordinal);
    }

    [Fact]
    public void ForbiddenDevice_EndsWith77()
    {
        var findings = new DoctorFindings
        {
            Host = new DoctorHost { User = "eva", Node = Node, Groups = ["kvm:x:104:"] },
            Refusal = "may not",
            IsPermission = true,
        };

        Assert.Equal(77, findings.ExitStatus);
        Assert.Contains("    What to do: sudo usermod -aG kvm eva, then log in again.", Lines(findings));
    }

    [Fact]
    public void Json_SaysWhatTheTextSays()
    {
        using var output = new MemoryStream();
        DoctorJson.Write(output, Opened(Software));
        using var document = JsonDocument.Parse(Encoding.UTF8.GetString(output.ToArray()));
        var root = document.RootElement;

        Assert.True(root.GetProperty("probe").GetProperty("softwareAssisted").GetBoolean());
        Assert.False(root.GetProperty("probe").GetProperty("inServiceBitsKept").GetBoolean());
        Assert.Equal(2, root.GetProperty("capabilities").GetArrayLength());
        Assert.Equal(DoctorSentences.Of(Opened(Software)).Select(one => one.Text), root.GetProperty("sentences").EnumerateArray().Select(one => one.GetProperty("text").GetString()));
    }

    [Fact]
    public void Json_HasNullForWhatWasNotFoundOut()
    {
        using var output = new MemoryStream();
        DoctorJson.Write(output, Opened(new HostProbeResult { Failure = "none" }));
        using var document = JsonDocument.Parse(Encoding.UTF8.GetString(output.ToArray()));

        Assert.Equal(JsonValueKind.Null, document.RootElement.GetProperty("probe").GetProperty("softwareAssisted").ValueKind);
    }
}
