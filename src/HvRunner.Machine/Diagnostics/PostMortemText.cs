using System.Globalization;
using HvRunner.Abstractions;

namespace HvRunner.Machine.Diagnostics;

/// <summary>A post-mortem for people: a few lines a vCPU, then the console's end.</summary>
public static class PostMortemText
{
    private static readonly GeneralRegister[] Order =
    [
        GeneralRegister.Rax, GeneralRegister.Rbx, GeneralRegister.Rcx, GeneralRegister.Rdx,
        GeneralRegister.Rsi, GeneralRegister.Rdi, GeneralRegister.Rbp, GeneralRegister.Rsp,
        GeneralRegister.R8, GeneralRegister.R9, GeneralRegister.R10, GeneralRegister.R11,
        GeneralRegister.R12, GeneralRegister.R13, GeneralRegister.R14, GeneralRegister.R15,
    ];

    /// <summary>Writes the post-mortem, every line behind <paramref name="prefix"/>.</summary>
    public static void Write(TextWriter output, PostMortem postMortem, string prefix)
    {
        foreach (var vcpu in postMortem.Vcpus)
        {
            WriteVcpu(output, vcpu, prefix);
        }

        if (postMortem.ConsoleTail.Count > 0)
        {
            output.WriteLine($"{prefix}last lines of the console:");
            foreach (var line in postMortem.ConsoleTail)
            {
                output.WriteLine($"{prefix}  | {Printable(line)}");
            }
        }
    }

    private static void WriteVcpu(TextWriter output, VcpuPostMortem vcpu, string prefix)
    {
        var state = vcpu.State;
        var symbol = vcpu.Symbol is null ? string.Empty : $"  {vcpu.Symbol}";
        output.WriteLine($"{prefix}vCPU {vcpu.Index}: rip {Hex(state.Rip)}{symbol}");
        output.WriteLine($"{prefix}  instruction: {vcpu.Instruction ?? "not mapped"}  [{Convert.ToHexStringLower(vcpu.InstructionBytes)}]");
        for (var i = 0; i < Order.Length; i += 4)
        {
            var four = Order.Skip(i).Take(4).Select(register => $"{Name(register),-3} {Hex(state[register])}");
            output.WriteLine($"{prefix}  {string.Join("  ", four)}");
        }

        output.WriteLine($"{prefix}  rflags {state.Rflags:x8} [{Flags(state.Rflags)}]  cr0 {state.Cr0:x8}  cr2 {Hex(state.Cr2)}  cr3 {Hex(state.Cr3)}  cr4 {state.Cr4:x8}");
        output.WriteLine($"{prefix}  efer {state.Efer:x4}  gdt {Table(state.Gdtr)}  idt {Table(state.Idtr)}");
        output.WriteLine($"{prefix}  {Segments(state)}");
    }

    private static string Segments(ProcessorState state)
    {
        var parts = new List<string>();
        foreach (var name in Enum.GetValues<SegmentName>())
        {
            var segment = state[name];
            parts.Add(segment.Unusable
                ? $"{name.ToString().ToLowerInvariant()} -"
                : $"{name.ToString().ToLowerInvariant()} {segment.Selector:x4}");
        }

        return string.Join("  ", parts) + $"  (cs base {state[SegmentName.Cs].Base:x}, cpl {state[SegmentName.Ss].Dpl})";
    }

    private static string Table(DescriptorTableRegister table) => $"{table.Base:x}/{table.Limit:x}";

    private static string Flags(ulong flags)
    {
        ReadOnlySpan<(int Bit, string Name)> names =
        [
            (0, "CF"), (2, "PF"), (4, "AF"), (6, "ZF"), (7, "SF"), (8, "TF"), (9, "IF"), (10, "DF"), (11, "OF"), (18, "AC"),
        ];
        var set = new List<string>();
        foreach (var (bit, name) in names)
        {
            if ((flags & (1UL << bit)) != 0)
            {
                set.Add(name);
            }
        }

        return string.Join(' ', set);
    }

    private static string Name(GeneralRegister register) => register.ToString().ToLowerInvariant();

    private static string Hex(ulong value) => value.ToString("x16", CultureInfo.InvariantCulture);

    /// <summary>The guest's bytes must not drive the user's terminal.</summary>
    internal static string Printable(string line) => string.Concat(line.Select(c => char.IsControl(c) && c != '\t' ? '.' : c));
}
