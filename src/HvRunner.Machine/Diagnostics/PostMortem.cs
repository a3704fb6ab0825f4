using HvRunner.Abstractions;
using HvRunner.Boot;
using HvRunner.Boot.Elf;
using HvRunner.Chipset.Serial;
using HvRunner.Instructions;
using HvRunner.Machine.Verdicts;

namespace HvRunner.Machine.Diagnostics;

/// <summary>Where one vCPU stood.</summary>
/// <param name="Index">Its index.</param>
/// <param name="State">Its general and system registers.</param>
/// <param name="InstructionBytes">The bytes at CS:RIP, as far as they are mapped; at most 15.</param>
/// <param name="Instruction">Their disassembly, or null when there are none.</param>
/// <param name="Symbol">The kernel's symbol for RIP with an offset, or null.</param>
public sealed record VcpuPostMortem(int Index, ProcessorState State, byte[] InstructionBytes, string? Instruction, string? Symbol);

/// <summary>What a guest was doing when it ended badly: every vCPU's registers and instruction, and the console's last lines.</summary>
/// <param name="Reason">The verdict's sentence.</param>
/// <param name="Vcpus">The vCPUs.</param>
/// <param name="ConsoleTail">The console's last lines, oldest first.</param>
public sealed record PostMortem(string Reason, IReadOnlyList<VcpuPostMortem> Vcpus, IReadOnlyList<string> ConsoleTail)
{
    private const int ConsoleLines = 20;
    private const int MaxInstructionBytes = 15;

    /// <summary>Looks at a stopped partition. A vCPU whose registers cannot be read is left out: there is nothing to say of it.</summary>
    internal static PostMortem Take(Verdict verdict, IPartition partition, IGuestMemory memory, IImageSource kernel, ConsoleTail tail)
    {
        var symbols = ElfSymbols.Load(kernel);
        var vcpus = new List<VcpuPostMortem>();
        foreach (var vcpu in partition.Vcpus)
        {
            var state = new ProcessorState();
            try
            {
                vcpu.GetState(state, StateParts.General | StateParts.System);
            }
            catch (HypervisorException)
            {
                continue;
            }

            vcpus.Add(Look(vcpu.Index, state, memory, symbols));
        }

        return new PostMortem(verdict.Sentence ?? verdict.Name, vcpus, tail.LastLines(ConsoleLines));
    }

    private static VcpuPostMortem Look(int index, ProcessorState state, IGuestMemory memory, ElfSymbols? symbols)
    {
        Span<byte> bytes = stackalloc byte[MaxInstructionBytes];
        bytes = bytes[..LinearAddress.Read(state, memory, LinearRip(state), bytes)];
        var instruction = bytes.IsEmpty ? null : Disassembler.Format(bytes, state.Rip, Bitness(state));
        var length = Disassembler.LengthOf(bytes, Bitness(state));
        var symbol = symbols is null ? null : Resolve(symbols, state);
        return new VcpuPostMortem(index, state, bytes[..(length == 0 ? bytes.Length : length)].ToArray(), instruction, symbol);
    }

    /// <summary>With paging off the kernel runs at the addresses that it was loaded to, not at those that it was linked to.</summary>
    private static string? Resolve(ElfSymbols symbols, ProcessorState state)
    {
        const ulong Paging = 1UL << 31;
        var linear = LinearRip(state);
        var found = (state.Cr0 & Paging) != 0
            ? symbols.TryResolve(linear, out var name, out var offset)
            : symbols.TryResolvePhysical(new GuestAddress(linear), out name, out offset);
        return !found ? null : offset == 0 ? name : $"{name}+0x{offset:x}";
    }

    private static ulong LinearRip(ProcessorState state) =>
        Bitness(state) == 64 ? state.Rip : (state[SegmentName.Cs].Base + state.Rip) & uint.MaxValue;

    private static int Bitness(ProcessorState state)
    {
        const ulong LongModeActive = 1UL << 10;
        var code = state[SegmentName.Cs];
        return (state.Efer & LongModeActive) != 0 && code.Long ? 64 : code.Default32 ? 32 : 16;
    }
}
