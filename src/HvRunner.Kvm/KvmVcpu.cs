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
/// completes the instruction. Kick and stop requests reach the loop by <see cref="VcpuKickSignal"/>. Registers are in another part. What
/// comes between two entries depends on where the local APICs live, and is the derived classes'.
/// </summary>
internal abstract unsafe partial class KvmVcpu : IVcpu, IVcpuPauseNotice, IDisposable
{
    private readonly FileDescriptor _descriptor;
    private readonly kvm_run* _run;
    private readonly int _runBytes;
    private readonly KvmPartition _partition;
    private readonly VcpuKickSignal _kick;
    private volatile bool _stopRequested;

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

    /// <summary>The vCPU's descriptor.</summary>
    private protected int Descriptor => _descriptor.Value;

    /// <summary>The page that is shared with the kernel.</summary>
    private protected ref kvm_run Page => ref *_run;

    /// <summary>An interrupt can be injected, as KVM said when the guest was left, and nothing has changed since.</summary>
    private protected bool Interruptible { get; set; }

    private protected KvmPartition Partition => _partition;

    /// <summary>Somebody has kicked it and was not answered yet.</summary>
    internal bool IsKicked => _kick.IsPending;

    /// <summary>It executes nothing until it is kicked.</summary>
    private protected virtual bool Sleeps => false;

    public void Kick() => _kick.Send();

    public void RequestStop()
    {
        _stopRequested = true;
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

    public virtual void Dispose()
    {
        if (!_descriptor.IsClosed)
        {
            _ = Libc.munmap((nint)_run, (nuint)_runBytes);
            _descriptor.Dispose();
        }
    }

    /// <summary>The vCPU was kicked, and its handler is about to be told.</summary>
    private protected virtual void BeforeKicked()
    {
    }

    /// <summary>Delivers what there is for the vCPU before it enters the guest. Non-null when that ends its run.</summary>
    private protected virtual VcpuExit? Prepare(IExitHandler handler) => null;

    /// <summary>KVM_RUN has returned, and its exit was not looked at yet.</summary>
    private protected virtual void Left(IExitHandler handler)
    {
    }

    /// <summary>The end of a level-triggered interrupt goes to the IO-APICs by itself.</summary>
    private protected virtual bool BroadcastsEndOfInterrupt() => true;

    /// <summary>The guest has executed HLT; <paramref name="interruptible"/> says whether an interrupt can end that.</summary>
    private protected abstract void Halt(bool interruptible);

    /// <summary>
    /// Completes the instruction whose exit was answered last (KVM finishes it only on the next KVM_RUN), without executing another one.
    /// String instructions and split accesses may exit again on the way; those are answered too.
    /// </summary>
    private protected VcpuExit? Drain(IExitHandler handler)
    {
        _run->immediate_exit = 1;
        try
        {
            while (Libc.ioctl(_descriptor.Value, KVM_RUN, 0) >= 0)
            {
                Left(handler);
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
                BeforeKicked();
                handler.Kicked();
                continue;
            }

            if (Prepare(handler) is { } refused)
            {
                return refused;
            }

            if (Sleeps)
            {
                _kick.Wait();
                continue;
            }

            if (IsKicked)
            {
                // What was delivered made something else deliverable.
                continue;
            }

            var returned = Libc.ioctl(descriptor, KVM_RUN, 0);
            var errno = returned < 0 ? Marshal.GetLastPInvokeError() : 0;
            Interruptible = _run->ready_for_interrupt_injection != 0 && _run->if_flag != 0;
            Left(handler);
            if (returned >= 0)
            {
                if (Dispatch(handler) is { } end)
                {
                    return end;
                }

                continue;
            }

            Counts.Other++;
            if (errno == EINTR)
            {
                _ = VcpuKickSignal.Consume();
            }
            else if (errno != EAGAIN)
            {
                // EAGAIN: an application processor was started or reset; the next KVM_RUN runs it.
                return new VcpuExit(VcpuExitKind.Failed, RunRefused(errno));
            }
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
        switch (KvmExit.Classify(*_run, _partition.Irqchip, out var end))
        {
            case ExitAction.InterruptWindow:
                Counts.InterruptWindow++;
                return null;
            case ExitAction.Halt:
                Counts.Halt++;
                Halt(_run->if_flag != 0);
                return null;
            case ExitAction.EndOfInterrupt:
                Counts.Other++;
                if (BroadcastsEndOfInterrupt())
                {
                    handler.EndOfInterrupt(_run->eoi_vector);
                }

                return null;
            case ExitAction.MsrRead:
                Counts.MsrRead++;
                AnswerMsr(ReadMsr(handler, _run->msr_index, out var value));
                _run->msr_data = value;
                return null;
            case ExitAction.MsrWrite:
                Counts.MsrWrite++;
                AnswerMsr(WriteMsr(handler, _run->msr_index, _run->msr_data));
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

    private void AnswerMsr(bool taken)
    {
        _run->msr_error = taken ? (byte)0 : (byte)1;

        // A #GP comes with the next entry, and an interrupt behind it would find the handler's flags and not these.
        Interruptible &= taken;
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
