using System.Text.Json;
using HvRunner.Kvm;
using HvRunner.Launch;
using HvRunner.Machine.Probes;
using HvRunner.Soft;

namespace HvRunner.Cli;

/// <summary>Doctor's findings for programs: one JSON object. What was not found out is null.</summary>
internal static class DoctorJson
{
    internal static void Write(Stream output, DoctorFindings findings)
    {
        using (var json = new Utf8JsonWriter(output, new JsonWriterOptions { Indented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            json.WriteString("hvrun", HvRunVersion.Text);
            json.WriteNumber("exitStatus", findings.ExitStatus);
            WriteKvm(json, findings);
            WriteSoft(json, findings);
            WriteProbe(json, findings.Probe);
            WriteCapabilities(json, findings.Kvm?.Capabilities ?? []);
            WriteSentences(json, DoctorSentences.Of(findings));
            json.WriteEndObject();
        }

        output.WriteByte((byte)'\n');
    }

    private static void WriteKvm(Utf8JsonWriter json, DoctorFindings findings)
    {
        json.WriteStartObject("kvm");
        json.WriteString("device", KvmHypervisor.DevicePath);
        json.WriteBoolean("exists", findings.Host.Node is not null);
        json.WriteBoolean("opens", findings.Kvm is not null);
        json.WriteString("refusal", findings.Refusal);
        Write(json, "apiVersion", findings.Kvm?.ApiVersion);
        Write(json, "maxVcpus", findings.Kvm?.MaxVcpus);
        json.WriteStartArray("irqchips");
        foreach (var mode in findings.Kvm?.IrqchipModes ?? [])
        {
            json.WriteStringValue(OptionText.Irqchip(mode));
        }

        json.WriteEndArray();
        Write(json, "userTscDeadline", findings.Kvm?.HasTscDeadlineInUserMode);
        Write(json, "userTscWritable", findings.Kvm?.CanSetCounterInUserMode);
        json.WriteEndObject();
    }

    private static void WriteSoft(Utf8JsonWriter json, DoctorFindings findings)
    {
        using var soft = new SoftHypervisor();
        json.WriteStartObject("soft");
        json.WriteBoolean("recommended", findings.IsSoftBetter);
        Write(json, "maxVcpus", soft.MaxVcpus);
        json.WriteStartArray("irqchips");
        foreach (var mode in soft.IrqchipModes)
        {
            json.WriteStringValue(OptionText.Irqchip(mode));
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteProbe(Utf8JsonWriter json, HostProbeResult? probe)
    {
        if (probe is null)
        {
            json.WriteNull("probe");
            return;
        }

        json.WriteStartObject("probe");
        json.WriteString("failure", probe.Failure);
        Write(json, "softwareAssisted", probe.SoftwareAssisted);
        Write(json, "ring0InstructionsPerSecond", probe.Ring0InstructionsPerSecond);
        json.WriteBoolean("ring0SpeedIsLowerBound", probe.IsSpeedLowerBound);
        json.WriteStartArray("instructionsTried");
        foreach (var name in probe.InstructionsTried)
        {
            json.WriteStringValue(name);
        }

        json.WriteEndArray();
        json.WriteNumber("completedInstructions", probe.CompletedInstructions);
        Write(json, "interruptsDelivered", probe.InterruptsDelivered);
        Write(json, "inServiceBitsKept", probe.InServiceBitsKept);
        Write(json, "priorityHeld", probe.PriorityHeld);
        foreach (var name in InterruptRules.Names)
        {
            Write(json, name, probe.InterruptRules.TryGetValue(name, out var kept) ? kept : (bool?)null);
        }

        Write(json, "tscAdvances", probe.TscAdvances);
        Write(json, "tscHertz", probe.TscHertz);
        Write(json, "portWriteNs", probe.PortWriteNs);
        json.WriteEndObject();
    }

    private static void WriteCapabilities(Utf8JsonWriter json, IReadOnlyList<KvmCapability> capabilities)
    {
        json.WriteStartArray("capabilities");
        foreach (var one in capabilities)
        {
            json.WriteStartObject();
            json.WriteString("name", one.Name);
            json.WriteNumber("number", one.Number);
            json.WriteNumber("value", one.Value);
            json.WriteString("purpose", one.Purpose);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WriteSentences(Utf8JsonWriter json, IReadOnlyList<DoctorSentence> sentences)
    {
        json.WriteStartArray("sentences");
        foreach (var one in sentences)
        {
            json.WriteStartObject();
            json.WriteString("topic", one.Topic);
            json.WriteBoolean("problem", one.IsProblem);
            json.WriteString("text", one.Text);
            json.WriteString("fix", one.Fix);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void Write(Utf8JsonWriter json, string name, long? value)
    {
        if (value is { } number)
        {
            json.WriteNumber(name, number);
        }
        else
        {
            json.WriteNull(name);
        }
    }

    private static void Write(Utf8JsonWriter json, string name, bool? value)
    {
        if (value is { } yes)
        {
            json.WriteBoolean(name, yes);
        }
        else
        {
            json.WriteNull(name);
        }
    }
}
