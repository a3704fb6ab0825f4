using HvRunner.Abstractions;

namespace HvRunner.Kvm;

/// <summary>
/// What instructions of a stretch ask of their vCPU. Unlike those of a <see cref="CompletionHost"/> they are many: parts of the state are loaded once, and what they
/// do to the machine counts as the exits that it would have been.
/// </summary>
/// <param name="vcpu">The vCPU.</param>
/// <param name="handler">The machine.</param>
/// <param name="state">The registers of the stretch.</param>
/// <param name="waitsForWindow">Something waits for the moment in which the processor can take it.</param>
/// <param name="isForWindow">The stretch is there to find that moment.</param>
internal struct StretchHost(UserApicVcpu vcpu, IExitHandler handler, ProcessorState state, bool waitsForWindow, bool isForWindow) : IStretchHost
{
    private const uint FeatureLeaf = 1;
    private const uint FeatureApic = 1u << 9;
    private const ulong ApicEnabled = 1 << 11;

    private readonly CompletionHost _host = new(vcpu, handler);
    private readonly long _exits = vcpu.Counts.OfGuest;
    private StateParts _loaded;

    public void LoadExtended(ProcessorState state) => Load(state, StateParts.Extended);

    public void LoadDebug(ProcessorState state) => Load(state, StateParts.Debug);

    /// <summary>KVM answers a host that asks for a register more freely than a guest. So only those are read that are the same to both; the others are left to KVM.</summary>
    public readonly bool TryReadMsr(uint index, out ulong value)
    {
        if (vcpu.IsOfMachine(index))
        {
            vcpu.Counts.MsrRead++;
            return vcpu.ReadMsr(handler, index, out value);
        }

        value = 0;
        return (index == KvmTimestamp.CounterMsr || IsStorage(index)) && vcpu.TryGetMsr(index, out value);
    }

    public readonly bool TryWriteMsr(uint index, ulong value)
    {
        if (!vcpu.IsOfMachine(index) && !vcpu.IsWatched(index))
        {
            return IsStorage(index) && vcpu.TrySetMsr(index, value);
        }

        vcpu.Counts.MsrWrite++;
        if (!vcpu.WriteMsr(handler, index, value))
        {
            return false;
        }

        if (index == KvmVcpu.ApicBaseMsr && vcpu.TryGetMsr(index, out var taken))
        {
            state.ApicBase = taken;
        }

        return true;
    }

    public readonly bool TryGetCpuid(uint leaf, uint subleaf, out CpuidLeaf result)
    {
        var isKnown = _host.TryGetCpuid(leaf, subleaf, out result);
        if (leaf == FeatureLeaf)
        {
            // As KVM does it.
            result = result with { Edx = (result.Edx & ~FeatureApic) | ((state.ApicBase & ApicEnabled) != 0 ? FeatureApic : 0) };
        }

        return isKnown;
    }

    public readonly void ReadPort(ushort port, Span<byte> data)
    {
        vcpu.Counts.PortIn++;
        _host.ReadPort(port, data);
    }

    public readonly void WritePort(ushort port, ReadOnlySpan<byte> data)
    {
        vcpu.Counts.PortOut++;
        _host.WritePort(port, data);
    }

    public readonly ulong ReadTimestamp() => _host.ReadTimestamp();

    public readonly ulong NextRandom() => _host.NextRandom();

    /// <summary>What the stretch is for: a write that leaves CR8 as it was clears the lower half of the task priority as well.</summary>
    public readonly void TaskPriorityWritten(ulong priority) => handler.TaskPriority = priority << 4;

    public readonly bool TryHypercall(ProcessorState state) => false;

    /// <summary>
    /// When nobody needs to see CR8 written any more, when the vCPU has something else to do, at the moment that something waits for, and behind what would have been an
    /// exit: the machine is asked then for what came of it.
    /// </summary>
    public readonly bool IsOver(ProcessorState state, bool interruptible)
    {
        var priority = handler.TaskPriority;
        state.Cr8 = priority >> 4;
        return (!UserApicVcpu.HasSubclass(priority) && !isForWindow) || vcpu.IsKicked || vcpu.Counts.OfGuest != _exits || (waitsForWindow && interruptible);
    }

    private static bool IsStorage(uint index) => index is
        0x174 or 0x175 or 0x176 or // SYSENTER_CS, _ESP, _EIP
        0xc000_0081 or 0xc000_0082 or 0xc000_0083 or 0xc000_0084 or // STAR, LSTAR, CSTAR, FMASK
        0xc000_0102 or 0xc000_0103; // KERNEL_GS_BASE, TSC_AUX

    // What was loaded once may have changed since, and KVM does not know of that yet.
    private void Load(ProcessorState state, StateParts part)
    {
        if (!_loaded.HasFlag(part))
        {
            vcpu.GetState(state, part);
            _loaded |= part;
        }
    }
}
