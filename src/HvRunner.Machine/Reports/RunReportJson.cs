using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using HvRunner.Abstractions;
using HvRunner.Machine.Diagnostics;

namespace HvRunner.Machine.Reports;

/// <summary>Writes a run's report as the one JSON object of interface.md ("Report"). Numbers that may exceed 2^53 are hexadecimal text.</summary>
public static class RunReportJson
{
    /// <summary>Writes the document, with a line feed at its end.</summary>
    public static void Write(Stream output, RunReport report)
    {
        using (var json = new Utf8JsonWriter(output, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartObject();
            json.WriteString("hvrun", report.Version);
            json.WriteString("verdict", report.Verdict.Name);
            json.WriteString("sentence", report.Verdict.Sentence);
            json.WriteNumber("exitStatus", report.Verdict.Status);
            WriteGuestStatus(json, report.Verdict.GuestValue);
            WriteKernel(json, report.Kernel);
            WriteHypervisor(json, report.Hypervisor);
            WriteNumber(json, "vcpus", report.Vcpus);
            WriteNumber(json, "memoryBytes", report.MemoryBytes);
            json.WriteString("memoryHash", report.Outcome?.MemoryHash);
            WriteTimings(json, report);
            WriteExits(json, report.Outcome);
            WriteConsole(json, report.Outcome);
            WritePostMortem(json, report.Outcome?.PostMortem);
            json.WriteEndObject();
        }

        output.WriteByte((byte)'\n');
    }

    private static void WriteGuestStatus(Utf8JsonWriter json, ulong? value)
    {
        if (value is { } status)
        {
            json.WriteNumber("guestStatus", status);
        }
        else
        {
            json.WriteNull("guestStatus");
        }
    }

    private static void WriteKernel(Utf8JsonWriter json, KernelReport? kernel)
    {
        if (kernel is null)
        {
            json.WriteNull("kernel");
            return;
        }

        json.WriteStartObject("kernel");
        json.WriteString("path", kernel.Path);
        json.WriteString("format", kernel.Format);
        json.WriteString("compression", kernel.Compression);
        json.WriteString("boot", kernel.Boot);
        json.WriteString("entry", Hex(kernel.Entry));
        json.WriteEndObject();
    }

    private static void WriteHypervisor(Utf8JsonWriter json, HypervisorReport? hypervisor)
    {
        if (hypervisor is null)
        {
            json.WriteNull("hypervisor");
            return;
        }

        json.WriteStartObject("hypervisor");
        json.WriteString("name", hypervisor.Name);
        json.WriteNumber("apiVersion", hypervisor.ApiVersion);
        if (hypervisor.SoftwareAssisted is { } assisted)
        {
            json.WriteBoolean("softwareAssisted", assisted);
        }
        else
        {
            json.WriteNull("softwareAssisted");
        }

        json.WriteString("irqchip", hypervisor.Irqchip);
        json.WriteString("clock", hypervisor.Clock);
        json.WriteEndObject();
    }

    private static void WriteTimings(Utf8JsonWriter json, RunReport report)
    {
        json.WriteStartObject("timings");
        if (report.Outcome is { } outcome)
        {
            json.WriteNumber("startToFirstEntry", Microseconds(report.StartTimestamp, outcome.FirstEntryTimestamp));
            json.WriteNumber("firstEntryToEnd", Microseconds(outcome.FirstEntryTimestamp, outcome.EndTimestamp));
        }
        else
        {
            json.WriteNull("startToFirstEntry");
            json.WriteNull("firstEntryToEnd");
        }

        WriteLastSecond(json, report.Outcome);
        json.WriteStartArray("marks");
        foreach (var mark in report.Marks)
        {
            json.WriteStartObject();
            json.WriteString("name", mark.Name);
            json.WriteNumber("microseconds", mark.Microseconds);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    /// <summary>Among the timings, because the second is the host's: two runs that are alike in all else differ in it.</summary>
    private static void WriteLastSecond(Utf8JsonWriter json, RunOutcome? outcome)
    {
        if (outcome is null)
        {
            json.WriteNull("lastSecond");
            return;
        }

        json.WriteStartObject("lastSecond");
        json.WriteNumber("exits", outcome.LastSecond.Exits);
        WriteNumber(json, "instructions", outcome.LastSecond.Instructions);
        json.WriteEndObject();
    }

    private static void WriteExits(Utf8JsonWriter json, RunOutcome? outcome)
    {
        var vcpus = outcome?.Vcpus ?? [];
        json.WriteStartObject("exits");
        json.WriteNumber("portIn", vcpus.Sum(counts => counts.PortIn));
        json.WriteNumber("portOut", vcpus.Sum(counts => counts.PortOut));
        json.WriteNumber("mmioRead", vcpus.Sum(counts => counts.MmioRead));
        json.WriteNumber("mmioWrite", vcpus.Sum(counts => counts.MmioWrite));
        json.WriteNumber("msrRead", vcpus.Sum(counts => counts.MsrRead));
        json.WriteNumber("msrWrite", vcpus.Sum(counts => counts.MsrWrite));
        json.WriteNumber("cpuid", vcpus.Sum(counts => counts.Cpuid));
        json.WriteNumber("halt", vcpus.Sum(counts => counts.Halt));
        json.WriteNumber("interruptWindow", vcpus.Sum(counts => counts.InterruptWindow));
        json.WriteNumber("completedInstruction", vcpus.Sum(counts => counts.CompletedInstruction));
        json.WriteNumber("other", vcpus.Sum(counts => counts.Other));
        json.WriteEndObject();
    }

    private static void WriteConsole(Utf8JsonWriter json, RunOutcome? outcome)
    {
        json.WriteStartObject("console");
        json.WriteNumber("bytesOut", outcome?.ConsoleBytesOut ?? 0);
        json.WriteNumber("bytesIn", outcome?.ConsoleBytesIn ?? 0);
        json.WriteEndObject();
    }

    private static void WritePostMortem(Utf8JsonWriter json, PostMortem? postMortem)
    {
        if (postMortem is null)
        {
            json.WriteNull("postMortem");
            return;
        }

        json.WriteStartObject("postMortem");
        json.WriteString("reason", postMortem.Reason);
        json.WriteStartArray("vcpus");
        foreach (var vcpu in postMortem.Vcpus)
        {
            json.WriteStartObject();
            WriteRegisters(json, vcpu.State);
            json.WriteString("instruction", vcpu.Instruction);
            json.WriteString("symbol", vcpu.Symbol);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartArray("consoleTail");
        foreach (var line in postMortem.ConsoleTail)
        {
            json.WriteStringValue(line);
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteRegisters(Utf8JsonWriter json, ProcessorState state)
    {
        json.WriteStartObject("registers");
        for (var register = GeneralRegister.Rax; register <= GeneralRegister.R15; register++)
        {
            json.WriteString(register.ToString().ToLowerInvariant(), Hex(state[register]));
        }

        json.WriteString("rip", Hex(state.Rip));
        json.WriteString("rflags", Hex(state.Rflags));
        json.WriteString("cr0", Hex(state.Cr0));
        json.WriteString("cr2", Hex(state.Cr2));
        json.WriteString("cr3", Hex(state.Cr3));
        json.WriteString("cr4", Hex(state.Cr4));
        json.WriteString("efer", Hex(state.Efer));
        json.WriteString("cs", Hex(state[SegmentName.Cs].Selector));
        json.WriteString("ss", Hex(state[SegmentName.Ss].Selector));
        json.WriteEndObject();
    }

    private static void WriteNumber<T>(Utf8JsonWriter json, string name, T? value)
        where T : struct, IConvertible
    {
        if (value is { } number)
        {
            json.WriteNumber(name, number.ToDecimal(CultureInfo.InvariantCulture));
        }
        else
        {
            json.WriteNull(name);
        }
    }

    private static long Microseconds(long start, long end) => (long)Stopwatch.GetElapsedTime(start, end).TotalMicroseconds;

    private static string Hex(ulong value) => "0x" + value.ToString("x", CultureInfo.InvariantCulture);
}
