// Finding, making and running translated blocks.
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using HvRunner.Abstractions;

namespace HvRunner.Instructions;

public sealed unsafe partial class Processor
{
    // Shared by all processors that run in turn on one memory, this one among them.
    private readonly CodeCache _code;
    private readonly List<Processor> _related;
    private readonly Translator _translator = new();

    // Only 64-bit code is translated; other modes, single-stepping and alignment checks go one instruction at a time, and so does the one
    // instruction behind which RF is cleared.
    private bool _stepping = true;
    private ulong _generation;
    private ulong _globalGeneration;
    private uint _mode;
    private bool _withVectors;

    // A context is a count of changes above the mode: the privilege level, and whether vector instructions run.
    private const int ModeBits = 3;
    private const ulong ForGlobalPages = 1UL << 63;

    // Pages that cached branch targets may lie in; several pages share an entry. Kernels invalidate many pages of data, and rarely one of code.
    private const int EnteredPages = 4096;
    private readonly bool[] _enteredPages = new bool[EnteredPages];

    internal readonly RecentTarget[] RecentTargets = new RecentTarget[RecentTarget.EntryCount];

    /// <summary>Targets of branches within a page.</summary>
    internal Operation[][] Links;

    /// <summary>Instructions that may still be begun before <see cref="Run"/> returns.</summary>
    internal long Budget;

    /// <summary>Where the block that runs begins, for the program.</summary>
    internal ulong BlockRip;

    /// <summary>What a cached branch target was found under: it holds as long as this is the same.</summary>
    internal ulong Context;

    /// <summary>As <see cref="Context"/>, for targets in global pages, which outlast a write to CR3.</summary>
    internal ulong GlobalContext;

    /// <summary>The block that runs.</summary>
    internal int BlockNumber;

    /// <summary>The link that the last branch took, or -1 when it took none.</summary>
    internal int PendingLink;

    internal IProcessorEnvironment Environment => _environment;

    internal IGuestMemory Ram => _ram;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal ref byte RegisterByte(int offset) => ref Unsafe.AddByteOffset(ref Unsafe.As<GeneralRegisterFile, byte>(ref General), (nint)(uint)offset);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal ref ulong Register(int offset) => ref Unsafe.As<byte, ulong>(ref RegisterByte(offset));

    /// <summary>A vector register, to be read.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal ref Vector128<byte> Vector(int number) => ref Unsafe.As<byte, Vector128<byte>>(
        ref Unsafe.Add(ref Extended.Origin, XsaveLayout.XmmRegisters + (16 * number)));

    /// <summary>A vector register, to be written: SSE state counts as used from here on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal ref Vector128<byte> VectorToWrite(int number)
    {
        ref var image = ref Extended.Origin;
        Unsafe.Add(ref image, XsaveLayout.LegacySize) |= (byte)XsaveLayout.Sse;
        return ref Unsafe.As<byte, Vector128<byte>>(ref Unsafe.Add(ref image, XsaveLayout.XmmRegisters + (16 * number)));
    }

    /// <summary>
    /// Executes what one operation stands for through the executor. True: it is done and the next operation may follow. False: something needs a
    /// look first (a fault, a halt, another mode, code that changed), or the program goes on elsewhere; RIP says where.
    /// </summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal bool ExecuteSlowly(ref Operation op)
    {
        var block = _code.Block(BlockNumber);
        SettleFlags();
        Rip = BlockRip + op.Offset;
        var end = Unsafe.Add(ref op, 1).Index;
        for (int i = op.Index; i < end; i++)
        {
            ref readonly var instruction = ref block.Instructions[i];

            // The time that the instruction sees must not count those behind it: should it fault, they are taken back, and time with them.
            _ahead = block.Instructions.Length - i;
            var completion = _executor.Execute(in instruction, this, ref _memory, ref _host);
            _ahead = 0;
            var plain = completion.Kind == CompletionKind.Completed && !completion.Halted && completion.Flush == TranslationFlush.None &&
                !completion.InterruptShadow && completion.DebugCause == 0;
            if (!plain || _leaveSoon || completion.ReturnedFromInterrupt || Rip != instruction.NextIP || block.Retired)
            {
                // What faulted counts, too: a handler whose own first instruction faults would never use a budget up.
                Budget += block.Instructions.Length - (i + 1);
                Take(completion);
                return false;
            }
        }

        return true;
    }

    /// <summary>The block ends behind this operation: what is left of it was counted when it began.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal void CreditRest(ref Operation op) => Budget += _code.Block(BlockNumber).Instructions.Length - Unsafe.Add(ref op, 1).Index;

    private void RunBlocks()
    {
        var block = Resolve();
        if (block is null)
        {
            Step();
            return;
        }

        BlockRip = Rip;
        while (true)
        {
            ref var first = ref block.Operations[0];
            switch (first.Handler(ref first, this))
            {
                case ChainEnd.Resolve:
                    Rip = BlockRip;
                    block = Resolve();
                    if (block is null)
                    {
                        PendingLink = -1;
                        SettleFlags();
                        return;
                    }

                    break;
                case ChainEnd.Budget:
                    Rip = BlockRip;
                    PendingLink = -1;
                    SettleFlags();
                    return;
                default:
                    PendingLink = -1;
                    UpdateMode();
                    SettleFlags();
                    return;
            }
        }
    }

    /// <summary>The block at RIP, translated if need be, or null when the executor has to fetch there itself: to raise a fault, or beside RAM.</summary>
    private Block? Resolve()
    {
        ref var recent = ref RecentTarget.Find(RecentTargets, Rip);
        ref var entry = ref TranslationBuffer.Find(Pages, Rip);
        var page = Rip & ~0xfffUL;
        if (entry.FetchTag != page && (!TryWalk(Rip, Access.Fetch) || entry.FetchTag != page))
        {
            return null;
        }

        if (entry.Addend == 0)
        {
            return null;
        }

        var physical = entry.Frame | (Rip & 4095);
        var block = _code.Find(physical, Rip, _withVectors);
        if (block is null)
        {
            if (_code.IsFull)
            {
                _code.Clear();
                PendingLink = -1;
            }

            _translator.Permitted ??= _executor.ReadPermitted(ref _host);
            block = _translator.Translate(_code, entry.Addend + (nint)Rip, physical, Rip, _withVectors);
            Links = _code.Links;
            if (block is null)
            {
                return null;
            }

            if (_code.Add(block))
            {
                foreach (var processor in _related)
                {
                    processor._buffer.WatchWrites(entry.Frame);
                }
            }
        }

        if (ChainProbe.CallsAreJumps)
        {
            EnteredPage(Rip) = true;
            if (PendingLink >= 0)
            {
                _code.Connect(PendingLink, block);
            }

            recent.Rip = Rip;
            recent.Context = (entry.Page & PageEntry.Global) != 0 ? GlobalContext : Context;
            recent.Operations = block.Operations;
        }

        PendingLink = -1;
        return block;
    }

    /// <summary>Looks at the mode anew: whether code is translated, with which rights memory is accessed, which cached targets hold.</summary>
    private void UpdateMode()
    {
        ref readonly var code = ref Segments[(int)SegmentName.Cs];
        var privilege = (Cr0 & ControlBit.Cr0Pe) != 0 ? Segments[(int)SegmentName.Ss].Dpl : 0;
        var isLong = (Efer & ControlBit.EferLma) != 0 && code.Long;
        var checksAlignment = privilege == 3 && (Rflags & Flag.AlignmentCheck) != 0 && (Cr0 & ControlBit.Cr0Am) != 0;
        _stepping = !isLong || (Rflags & (Flag.Trap | Flag.Resume)) != 0 || checksAlignment || (Debug[7] & 0xff) != 0 || (Cr4 & ControlBit.Cr4La57) != 0;
        Pages = _buffer.Select(privilege == 3 ? 2 : (Rflags & Flag.AlignmentCheck) != 0 ? 1 : 0);
        _withVectors = (Cr0 & (ControlBit.Cr0Em | ControlBit.Cr0Ts)) == 0 && (Cr4 & ControlBit.Cr4Osfxsr) != 0;
        _mode = (uint)privilege | (_withVectors ? 4u : 0);
        Context = (_generation << ModeBits) | _mode;
        GlobalContext = ForGlobalPages | (_globalGeneration << ModeBits) | _mode;
    }

    /// <summary>EFLAGS.AC at privilege level 0: whether SMAP lets the kernel touch user pages.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal void SetAlignmentCheck(bool set)
    {
        Rflags = set ? Rflags | Flag.AlignmentCheck : Rflags & ~Flag.AlignmentCheck;
        Pages = _buffer.Select(set ? 1 : 0);
    }

    /// <summary>Makes cached branch targets invalid: all, or all but those in global pages.</summary>
    private void NewContext(bool keepsGlobal = false)
    {
        _generation++;
        Context = (_generation << ModeBits) | _mode;
        if (!keepsGlobal)
        {
            _globalGeneration++;
            GlobalContext = ForGlobalPages | (_globalGeneration << ModeBits) | _mode;
            _enteredPages.AsSpan().Clear();
        }
    }

    /// <summary>Makes the cached branch targets of one page invalid, and with them all others, if code may have run there at all.</summary>
    private void NewContext(ulong linear)
    {
        if (EnteredPage(linear))
        {
            NewContext();
        }
    }

    private ref bool EnteredPage(ulong linear) => ref _enteredPages[(int)((linear >> 12) & (EnteredPages - 1))];
}
