using System.Security.Cryptography;
using HvRunner.Abstractions;
using HvRunner.Instructions;

namespace HvRunner.Soft;

/// <content>What the processor asks for while it runs: devices, MSRs, CPUID, time. All on the vCPU's thread, in the middle of an instruction.</content>
internal sealed partial class SoftVcpu : IProcessorEnvironment
{
    /// <summary>The widest access that a device sees; wider operands are several.</summary>
    private const int DeviceAccessBytes = 8;

    // EDX bit 9 of both leaves shows the local APIC, as long as IA32_APIC_BASE has it on.
    private const uint FeatureLeaf = 1;
    private const uint ExtendedFeatureLeaf = 0x8000_0001;
    private const uint FeatureApic = 1u << 9;

    private readonly CpuidLeaf[] _cpuid;
    private readonly SoftMsrs _msrs;
    private readonly RepeatableRandom? _random;

    void IProcessorEnvironment.ReadMemory(ulong physicalAddress, Span<byte> data)
    {
        if (_handler is not { } handler)
        {
            data.Fill(0xff);
            return;
        }

        SyncTaskPriority(handler);
        for (var done = 0; done < data.Length; done += DeviceAccessBytes)
        {
            Counts.MmioRead++;
            _clock?.Access();
            handler.MmioRead(new GuestAddress(physicalAddress + (ulong)done), data.Slice(done, Math.Min(DeviceAccessBytes, data.Length - done)));
        }
    }

    void IProcessorEnvironment.WriteMemory(ulong physicalAddress, ReadOnlySpan<byte> data)
    {
        if (_handler is not { } handler)
        {
            return;
        }

        SyncTaskPriority(handler);
        for (var done = 0; done < data.Length; done += DeviceAccessBytes)
        {
            Counts.MmioWrite++;
            _clock?.Access();
            handler.MmioWrite(new GuestAddress(physicalAddress + (ulong)done), data.Slice(done, Math.Min(DeviceAccessBytes, data.Length - done)));
        }

        SyncTaskPriority(handler);
    }

    void IProcessorEnvironment.ReadPort(ushort port, Span<byte> data)
    {
        Counts.PortIn++;
        _clock?.Access();
        if (_handler is { } handler)
        {
            handler.PortRead(port, data.Length, data);
        }
        else
        {
            data.Fill(0xff);
        }
    }

    void IProcessorEnvironment.WritePort(ushort port, ReadOnlySpan<byte> data)
    {
        Counts.PortOut++;
        _clock?.Access();
        _handler?.PortWrite(port, data.Length, data);
    }

    bool IProcessorEnvironment.TryReadMsr(uint index, out ulong value)
    {
        if (_msrs.TryRead(index, out value))
        {
            return true;
        }

        Counts.MsrRead++;
        if (_handler is not { } handler)
        {
            return false;
        }

        SyncTaskPriority(handler);
        return handler.MsrRead(index, out value);
    }

    bool IProcessorEnvironment.TryWriteMsr(uint index, ulong value)
    {
        switch (_msrs.TryWrite(index, value))
        {
            case MsrWrite.Taken:
                return true;
            case MsrWrite.Refused:
                return false;
        }

        Counts.MsrWrite++;
        if (_handler is not { } handler)
        {
            return false;
        }

        // In x2APIC mode the task priority is one of these; EOI and the mode switches of the APIC may change it as well.
        SyncTaskPriority(handler);
        if (!handler.MsrWrite(index, value))
        {
            return false;
        }

        SyncTaskPriority(handler);
        if (index == SoftMsrs.ApicBase)
        {
            _processor.ApicBase = value;
        }

        return true;
    }

    bool IProcessorEnvironment.TryGetCpuid(uint leaf, uint subleaf, out CpuidLeaf result)
    {
        foreach (var candidate in _cpuid)
        {
            if (candidate.Function == leaf && (!candidate.HasIndex || candidate.Index == subleaf))
            {
                result = leaf is FeatureLeaf or ExtendedFeatureLeaf && (_processor.ApicBase & SoftMsrs.ApicEnabled) == 0
                    ? candidate with { Edx = candidate.Edx & ~FeatureApic }
                    : candidate;
                return true;
            }
        }

        result = default;
        return false;
    }

    ulong IProcessorEnvironment.ReadTimestamp() => _msrs.Timestamp;

    void IProcessorEnvironment.TaskPriorityWritten(ulong priority) => _taskPriorityWritten = true;

    ulong IProcessorEnvironment.NextRandom()
    {
        if (_random is not null)
        {
            return _random.Next();
        }

        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        RandomNumberGenerator.Fill(bytes);
        return BitConverter.ToUInt64(bytes);
    }

    /// <summary>No interface for hypercalls is advertised: the instruction is undefined, as on a processor without a hypervisor.</summary>
    bool IProcessorEnvironment.TryHypercall(ProcessorState state) => false;
}
