using HvRunner.Abstractions;
using HvRunner.Machine.Bus;
using HvRunner.Machine.Diagnostics;
using HvRunner.Machine.Interrupts;
using HvRunner.Machine.Time;
using Serilog;
using Serilog.Events;

namespace HvRunner.Machine;

/// <summary>What one vCPU's exits do to the machine: look up the device and let it answer. Nothing here allocates unless a trace is written.</summary>
internal sealed class VcpuExitHandler(
    IVcpu vcpu, AddressSpace ports, AddressSpace memory, IVcpuInterrupts? interrupts, ClockAccess? clock, PauseGate pause, HaltMonitor haltMonitor,
    Tracing tracing, ILogger log)
    : IExitHandler
{
    /// <summary>A guest that polls a missing register would otherwise fill the log.</summary>
    private static readonly BoundedRate UnknownMsrRate = new(perSecond: 20);

    private readonly TraceLog? _trace = tracing.Log;

    // The registers of a local APIC that is the machine's.
    private readonly ApicAccess? _apic = interrupts as ApicAccess;

    public void PortRead(ushort port, int elementSize, Span<byte> data)
    {
        for (var done = 0; done < data.Length; done += elementSize)
        {
            var element = data.Slice(done, elementSize);
            ports.Read(port, element);
            _trace?.Port(vcpu.Index, isWrite: false, port, element, NameOf(ports, port));
        }
    }

    public void PortWrite(ushort port, int elementSize, ReadOnlySpan<byte> data)
    {
        for (var done = 0; done < data.Length; done += elementSize)
        {
            var element = data.Slice(done, elementSize);
            _trace?.Port(vcpu.Index, isWrite: true, port, element, NameOf(ports, port));
            ports.Write(port, element);
        }
    }

    public void MmioRead(GuestAddress address, Span<byte> data)
    {
        if (_apic is not null && _apic.TryRead(address, data))
        {
            _trace?.Mmio(vcpu.Index, isWrite: false, address, data, _apic.Name);
            return;
        }

        memory.Read(address.Value, data);
        _trace?.Mmio(vcpu.Index, isWrite: false, address, data, NameOf(memory, address.Value));
    }

    public void MmioWrite(GuestAddress address, ReadOnlySpan<byte> data)
    {
        if (_apic is not null && _apic.TryWrite(address, data))
        {
            _trace?.Mmio(vcpu.Index, isWrite: true, address, data, _apic.Name);
            return;
        }

        _trace?.Mmio(vcpu.Index, isWrite: true, address, data, NameOf(memory, address.Value));
        memory.Write(address.Value, data);
    }

    public bool MsrRead(uint index, out ulong value)
    {
        value = 0;
        if ((_apic?.TryReadMsr(index, out value) ?? clock?.TryReadMsr(index, out value)) is { } answered)
        {
            _trace?.Msr(vcpu.Index, isWrite: false, index, value, answered);
            return answered;
        }

        _trace?.Msr(vcpu.Index, isWrite: false, index, value, taken: false);
        UnknownMsr("read", index, 0);
        return false;
    }

    public bool MsrWrite(uint index, ulong value)
    {
        if ((_apic?.TryWriteMsr(index, value) ?? clock?.TryWriteMsr(index, value)) is { } taken)
        {
            _trace?.Msr(vcpu.Index, isWrite: true, index, value, taken);
            return taken;
        }

        _trace?.Msr(vcpu.Index, isWrite: true, index, value, taken: false);
        UnknownMsr("write", index, value);
        return false;
    }

    public ulong Hypercall(ulong number, ReadOnlySpan<ulong> arguments, bool longMode)
    {
        // KVM passes on only calls that were asked for, and none was: "no such call" is its own answer to a stray one (-KVM_ENOSYS).
        const ulong NoSuchCall = unchecked((ulong)-1000L);
        _trace?.Hypercall(vcpu.Index, number, NoSuchCall);
        return NoSuchCall;
    }

    public void InstructionCompleted(ulong rip, ReadOnlySpan<byte> instruction) => _trace?.Instruction(vcpu.Index, rip, instruction);

    public ulong TaskPriority
    {
        get => _apic?.TaskPriority ?? 0;
        set
        {
            if (_apic is not null)
            {
                _apic.TaskPriority = (byte)value;
            }
        }
    }

    public void EndOfInterrupt(byte vector) => interrupts?.EndOfInterrupt(vector);

    public bool BeforeEntry(ref EntryEvents events)
    {
        clock?.BeforeEntry();
        return interrupts is not null && interrupts.Fill(ref events);
    }

    public void Kicked()
    {
        pause.Pass(vcpu.Index);
        if (!haltMonitor.IsAsking(vcpu.Index))
        {
            return;
        }

        var activity = vcpu.GetActivity();
        haltMonitor.Report(vcpu.Index, activity with
        {
            NonMaskableWake = activity.NonMaskableWake || interrupts is { CanWakeWithInterruptsOff: true },
            InterruptWake = activity.InterruptWake || interrupts is { HasInterrupt: true },
        });
    }

    private static string? NameOf(AddressSpace space, ulong address) => space.TryFind(address, out var device) ? device.Name : null;

    private void UnknownMsr(string access, uint index, ulong value)
    {
        if (log.IsEnabled(LogEventLevel.Debug) && UnknownMsrRate.TryPass(out var suppressed))
        {
            log.Debug("vCPU {Vcpu}: {Access} of MSR {Index:x} (value {Value:x}) raised #GP; {Suppressed} more before it", vcpu.Index, access, index, value, suppressed);
        }
    }
}
