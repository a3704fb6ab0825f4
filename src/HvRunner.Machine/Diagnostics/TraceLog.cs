using System.Diagnostics;
using System.Globalization;
using HvRunner.Abstractions;

namespace HvRunner.Machine.Diagnostics;

/// <summary>
/// The <c>--trace</c> file: one line for each thing that crosses the guest's border, with the time since the first guest entry in microseconds.
/// Lines of several vCPUs interleave whole. A disk that fills up ends the trace, not the guest.
/// </summary>
/// <param name="output">Where lines go; the caller disposes it.</param>
/// <param name="filter">Which lines.</param>
public sealed class TraceLog(TextWriter output, TraceFilter filter)
{
    private readonly Lock _gate = new();
    private long _start = Stopwatch.GetTimestamp();
    private bool _broken;

    /// <summary>Makes now the zero of the time stamps.</summary>
    public void Start() => _start = Stopwatch.GetTimestamp();

    /// <summary>A port access.</summary>
    public void Port(int vcpu, bool isWrite, ushort port, ReadOnlySpan<byte> data, string? device)
    {
        if (filter.Includes(TraceKinds.Port, device))
        {
            Line($"vcpu{vcpu} port {(isWrite ? "out" : "in ")} 0x{port:x4} {Hex(data)} {device ?? "-"}");
        }
    }

    /// <summary>A memory-mapped access.</summary>
    public void Mmio(int vcpu, bool isWrite, GuestAddress address, ReadOnlySpan<byte> data, string? device)
    {
        if (filter.Includes(TraceKinds.Mmio, device))
        {
            Line($"vcpu{vcpu} mmio {(isWrite ? "write" : "read ")} {address} {Hex(data)} {device ?? "-"}");
        }
    }

    /// <summary>A model-specific register; <paramref name="taken"/> false means that the guest got #GP.</summary>
    public void Msr(int vcpu, bool isWrite, uint index, ulong value, bool taken)
    {
        if (filter.Includes(TraceKinds.Msr, null))
        {
            Line($"vcpu{vcpu} msr {(isWrite ? "write" : "read ")} 0x{index:x} {(taken || isWrite ? $"0x{value:x}" : "-")} {(taken ? "ok" : "#GP")}");
        }
    }

    /// <summary>A wire's level changed.</summary>
    public void Interrupt(int gsi, bool asserted, string device)
    {
        if (filter.Includes(TraceKinds.Interrupt, device))
        {
            Line($"- interrupt line {gsi} {(asserted ? "high" : "low")} {device}");
        }
    }

    /// <summary>A hypercall.</summary>
    public void Hypercall(int vcpu, ulong number, ulong result)
    {
        if (filter.Includes(TraceKinds.Hypercall, null))
        {
            Line($"vcpu{vcpu} hypercall {number} -> 0x{result:x}");
        }
    }

    /// <summary>An instruction that the hypervisor refused and hvrun completed.</summary>
    public void Instruction(int vcpu, ulong rip, ReadOnlySpan<byte> bytes)
    {
        if (filter.Includes(TraceKinds.Instruction, null))
        {
            Line($"vcpu{vcpu} instruction 0x{rip:x} {Convert.ToHexString(bytes)}");
        }
    }

    private void Line(FormattableString text)
    {
        var microseconds = Stopwatch.GetElapsedTime(_start).TotalMicroseconds;
        var line = string.Create(CultureInfo.InvariantCulture, $"{microseconds,12:F0} {text.ToString(CultureInfo.InvariantCulture)}\n");
        lock (_gate)
        {
            if (_broken)
            {
                return;
            }

            try
            {
                output.Write(line);
            }
            catch (IOException)
            {
                _broken = true;
            }
        }
    }

    /// <summary>The data as one little-endian number, or as bytes when it is longer than 8.</summary>
    private static string Hex(ReadOnlySpan<byte> data)
    {
        Span<byte> reversed = stackalloc byte[8];
        if (data.Length > reversed.Length)
        {
            return Convert.ToHexString(data);
        }

        data.CopyTo(reversed);
        reversed = reversed[..data.Length];
        reversed.Reverse();
        return "0x" + Convert.ToHexStringLower(reversed);
    }
}
