using HvRunner.Abstractions;
using HvRunner.Instructions;

namespace HvRunner.Soft;

/// <content>The vCPU's registers, MSRs and activity, for the machine.</content>
internal sealed partial class SoftVcpu
{
    private const ulong InterruptFlag = 1 << 9;
    private const int InstructionMaxBytes = 15;

    public event Action? TimestampMoved
    {
        add => _msrs.TimestampMoved += value;
        remove => _msrs.TimestampMoved -= value;
    }

    public ulong Timestamp => _msrs.Timestamp;

    public long StolenNs => _turns?.WaitedNs(Index) ?? 0;

    public long DeadlineNs(ulong timestamp) => _msrs.DeadlineNs(timestamp);

    public void GetState(ProcessorState state, StateParts parts) => Copy(_processor, state, parts);

    public void SetState(ProcessorState state, StateParts parts)
    {
        Copy(state, _processor, parts);
        if (parts.HasFlag(StateParts.System))
        {
            // Whoever sets CR8 means the task priority.
            if (_handler is { } handler)
            {
                SyncTaskPriority(handler);
            }
        }

        _processor.StateChanged();
    }

    public bool TryGetMsr(uint index, out ulong value) => _msrs.TryRead(index, out value);

    public bool TrySetMsr(uint index, ulong value)
    {
        if (_msrs.TryWrite(index, value) != MsrWrite.Taken)
        {
            return false;
        }

        _processor.StateChanged();
        return true;
    }

    public VcpuActivity GetActivity() => new(_halted, _waitsForStart, (_processor.Rflags & InterruptFlag) != 0, NonMaskableWake: false);

    private static void Copy(ProcessorState from, ProcessorState to, StateParts parts)
    {
        if (parts.HasFlag(StateParts.General))
        {
            to.General = from.General;
            to.Rip = from.Rip;
            to.Rflags = from.Rflags;
        }

        if (parts.HasFlag(StateParts.System))
        {
            to.Segments = from.Segments;
            to.Gdtr = from.Gdtr;
            to.Idtr = from.Idtr;
            to.Cr0 = from.Cr0;
            to.Cr2 = from.Cr2;
            to.Cr3 = from.Cr3;
            to.Cr4 = from.Cr4;
            to.Cr8 = from.Cr8;
            to.Efer = from.Efer;
            to.ApicBase = from.ApicBase;
        }

        if (parts.HasFlag(StateParts.Extended))
        {
            from.Extended.Image.CopyTo(to.Extended.Image);
            to.Extended.Xcr0 = from.Extended.Xcr0;
        }

        if (parts.HasFlag(StateParts.Debug))
        {
            to.Debug = from.Debug;
        }
    }

    /// <summary>What the processor does not implement, with the instruction where it can be read.</summary>
    private string UnsupportedSentence()
    {
        var code = _processor[SegmentName.Cs];
        var bitness = code.Long ? 64 : code.Default32 ? 32 : 16;
        Span<byte> bytes = stackalloc byte[InstructionMaxBytes];
        var length = LinearAddress.Read(_processor, _memory, code.Long ? _processor.Rip : (code.Base + _processor.Rip) & uint.MaxValue, bytes);
        var instruction = length == 0 ? "an instruction" : $"'{Disassembler.Format(bytes[..length], _processor.Rip, bitness)}' [{Convert.ToHexStringLower(bytes[..length])}]";
        return $"the soft processor cannot execute {instruction} at 0x{_processor.Rip:x}: {_processor.Refusal}";
    }
}
