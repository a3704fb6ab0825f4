using System.Runtime.InteropServices;
using HvRunner.Abstractions;
using HvRunner.Host;
using HvRunner.Host.Interop;
using HvRunner.Kvm.Interop;
using static HvRunner.Host.Interop.LibcConstants;
using static HvRunner.Kvm.Interop.KvmConstants;

namespace HvRunner.Kvm;

/// <summary>
/// One vCPU: the loop around KVM_RUN. The kernel hands over an exit in the shared page, the handler answers in place, the next KVM_RUN
/// completes the instruction. Kick and stop requests reach the loop by <see cref="VcpuKickSignal"/>. Registers are in the other part.
/// </summary>
internal sealed unsafe partial class KvmVcpu : IVcpu, IVcpuNonMaskable, IVcpuPauseNotice, IDisposable
{
    private readonly FileDescriptor _descriptor;
    private readonly kvm_run* _run;
    private readonly int _runBytes;
    private readonly KvmPartition _partition;
    private readonly VcpuKickSignal _kick;
    private volatile bool _stopRequested;
    private int _nonMaskable;

    internal KvmVcpu(KvmPartition partition, int index, int runBytes)
    {
        _partition = partition;
        Index = index;
        _runBytes = runBytes;
        _descriptor = new FileDescriptor(KvmCall.ThrowOnError(partition.Descriptor, KVM_CREATE_VCPU, index, "KVM_CREATE_VCPU"));
        var mapping = Libc.mmap(0, (nuint)runBytes, PROT_READ | PROT_WRITE, MAP_SHARED, _descriptor.Value, 0);
        if (mapping == -1)
        {
            var refused = KvmCall.Refused("mmap of a vCPU's shared page");
            _descriptor.Dispose();
            throw refused;
        }

        _run = (kvm_run*)mapping;
        _kick = new VcpuKickSignal(_descriptor.Value);
    }

    public int Index { get; }

    public ExitCounts Counts { get; } = new();

    public void Kick() => _kick.Send();

    public void RequestStop()
    {
        _stopRequested = true;
        _kick.Send();
    }

    public void InjectNonMaskable()
    {
        Volatile.Write(ref _nonMaskable, 1);
        _kick.Send();
    }

    // For a guest with kvmclock; without one KVM refuses, and there is nobody to tell.
    public void NotePause() => _ = KvmCall.Try(_descriptor.Value, KVM_KVMCLOCK_CTRL, 0);

    public VcpuExit Run(IExitHandler handler)
    {
        _kick.Enter();
        try
        {
            var exit = Loop(handler);
            return Drain(handler) ?? exit;
        }
        finally
        {
            _kick.Leave();
        }
    }

    public void Dispose()
    {
        if (!_descriptor.IsClosed)
        {
            _ = Libc.munmap((nint)_run, (nuint)_runBytes);
            _descriptor.Dispose();
        }
    }

    private VcpuExit Loop(IExitHandler handler)
    {
        var descriptor = _descriptor.Value;
        while (true)
        {
            if (_stopRequested)
            {
                return new VcpuExit(VcpuExitKind.Stopped);
            }

            if (_kick.TakePending())
            {
                QueueNonMaskable();
                handler.Kicked();
                continue;
            }

            if (Libc.ioctl(descriptor, KVM_RUN, 0) < 0)
            {
                var errno = Marshal.GetLastPInvokeError();
                Counts.Other++;
                if (errno == EINTR)
                {
                    VcpuKickSignal.Consume();
                }
                else if (errno != EAGAIN)
                {
                    // EAGAIN: an application processor was started or reset; the next KVM_RUN runs it.
                    return new VcpuExit(VcpuExitKind.Failed, RunRefused(errno));
                }
            }
            else if (Dispatch(handler) is { } end)
            {
                return end;
            }
        }
    }

    /// <summary>
    /// Here and not where it is asked for: KVM takes the call only while the vCPU is out of KVM_RUN. One that waits for its start-up takes no NMI; KVM would keep
    /// it all the same, and as long as it does KVM_RUN does not wait but returns at once, again and again.
    /// </summary>
    private void QueueNonMaskable()
    {
        if (Volatile.Read(ref _nonMaskable) != 0 && Interlocked.Exchange(ref _nonMaskable, 0) != 0 && !WaitsForStartUp(GetMpState()))
        {
            KvmCall.ThrowOnError(_descriptor.Value, KVM_NMI, 0, "KVM_NMI");
        }
    }

    /// <summary>
    /// Completes the instruction whose exit was answered last (KVM finishes it only on the next KVM_RUN), without executing another one.
    /// String instructions and split accesses may exit again on the way; those are answered too.
    /// </summary>
    private VcpuExit? Drain(IExitHandler handler)
    {
        _run->immediate_exit = 1;
        try
        {
            while (Libc.ioctl(_descriptor.Value, KVM_RUN, 0) >= 0)
            {
                if (Dispatch(handler) is { } end)
                {
                    return end;
                }
            }

            return null;
        }
        finally
        {
            _run->immediate_exit = 0;
        }
    }

    /// <summary>Answers one exit; null to go on.</summary>
    private VcpuExit? Dispatch(IExitHandler handler)
    {
        switch (_run->exit_reason)
        {
            case KVM_EXIT_IO:
                PortIo(handler);
                return null;
            case KVM_EXIT_MMIO:
                Mmio(handler);
                return null;
            default:
                return DispatchOther(handler);
        }
    }

    private void PortIo(IExitHandler handler)
    {
        var size = _run->io_size;
        var data = new Span<byte>((byte*)_run + _run->io_data_offset, (int)(size * _run->io_count));
        if (_run->io_direction == KVM_EXIT_IO_OUT)
        {
            Counts.PortOut++;
            handler.PortWrite(_run->io_port, size, data);
        }
        else
        {
            Counts.PortIn++;
            handler.PortRead(_run->io_port, size, data);
        }
    }

    private void Mmio(IExitHandler handler)
    {
        var data = ((Span<byte>)_run->mmio_data)[..(int)Math.Min(_run->mmio_len, 8)];
        var address = new GuestAddress(_run->mmio_phys_addr);
        if (_run->mmio_is_write != 0)
        {
            Counts.MmioWrite++;
            handler.MmioWrite(address, data);
        }
        else
        {
            Counts.MmioRead++;
            handler.MmioRead(address, data);
        }
    }

    private VcpuExit? DispatchOther(IExitHandler handler)
    {
        switch (KvmExit.Classify(*_run, out var end))
        {
            case ExitAction.MsrRead:
                Counts.MsrRead++;
                _run->msr_error = handler.MsrRead(_run->msr_index, out var value) ? (byte)0 : (byte)1;
                _run->msr_data = value;
                return null;
            case ExitAction.MsrWrite:
                Counts.MsrWrite++;
                _run->msr_error = handler.MsrWrite(_run->msr_index, _run->msr_data) ? (byte)0 : (byte)1;
                return null;
            case ExitAction.Hypercall:
                Counts.Other++;
                _run->hypercall_ret = handler.Hypercall(_run->hypercall_nr, _run->hypercall_args, _run->hypercall_longmode != 0);
                return null;
            case ExitAction.CompleteInstruction:
                return CompleteInstruction(handler);
            case ExitAction.Resume:
                Counts.Other++;
                return null;
            default:
                Counts.Other++;
                return end.Kind == VcpuExitKind.Shutdown ? end with { Sentence = WhatShutdownLeft() } : end;
        }
    }

    /// <summary>On AMD's processors nothing is left of a vCPU that shut down: its control block is undefined (APM vol. 2, 15.14.3), so KVM resets it.</summary>
    private string? WhatShutdownLeft()
    {
        GetState(_completed, StateParts.General | StateParts.System);
        return KvmRegisters.IsAtReset(_completed) ? "this host's KVM reset it then, so its registers do not show where" : null;
    }

    private static string RunRefused(int errno)
    {
        var what = errno switch
        {
            EFAULT => "guest RAM could not be reached; the host may be out of memory",
            ENOMEM => "the host is out of memory",
            EINVAL => "the vCPU's state is invalid",
            EIO => "the virtual machine is dead or this process is not its creator",
            ENOSYS or ENODEV => "the host cannot run this vCPU",
            _ => "see the error",
        };
        return $"KVM_RUN was refused: {what} ({Marshal.GetPInvokeErrorMessage(errno)}, errno {errno})";
    }
}
