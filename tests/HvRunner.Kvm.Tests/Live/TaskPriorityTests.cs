using HvRunner.Abstractions;

namespace HvRunner.Kvm.Tests.Live;

/// <summary>The task priority of a vCPU whose local APIC is not KVM's, and what its lower half has the processor library execute.</summary>
[Collection(KvmDevice.Name)]
public class TaskPriorityTests
{
    private const ushort Ready = 0x80;
    private const ushort Done = 0x81;

    /// <summary>A task priority that holds nothing back, and has the processor library execute the guest.</summary>
    internal const ulong Subclass = 1;

    [KvmFact]
    public void TaskPriority_GoesBothWays()
    {
        // mov eax, 5; mov cr8, rax; out ready; mov rax, cr8; out done; jmp $
        using var guest = LiveGuest.OfUserMode([0xb8, 5, 0, 0, 0, 0x44, 0x0f, 0x22, 0xc0, 0xe6, 0x80, 0x44, 0x0f, 0x20, 0xc0, 0xe6, 0x81, 0xeb, 0xfe]);
        guest.EnterLongMode();
        Handler handler = null!;
        var (seen, read) = (0ul, 0);
        handler = new Handler
        {
            OnPortWrite = (port, _, data) =>
            {
                if (port == Ready)
                {
                    seen = handler.TaskPriority;
                    handler.TaskPriority = 0x90;
                    return;
                }

                read = data[0];
                guest.Vcpu.RequestStop();
            },
            OnBeforeEntry = (ref EntryEvents _) => false,
        };
        guest.RunUntilStopped(handler);
        Assert.Equal((0x50ul, 9), (seen, read));
    }

    /// <summary>KVM tells of no write that leaves CR8 as it was, so the processor library executes until the lower half is zero, and KVM behind that.</summary>
    [KvmFact]
    public void TaskPriority_LosesItsLowerHalfToAnyWriteOfCr8()
    {
        // out ready; mov rax, cr8; mov cr8, rax; out done; out interrupted; jmp $
        using var guest = LiveGuest.OfUserMode([0xe6, 0x80, 0x44, 0x0f, 0x20, 0xc0, 0x44, 0x0f, 0x22, 0xc0, 0xe6, 0x81, 0xe6, 0x82, 0xeb, 0xfe]);
        guest.EnterLongMode();
        Handler handler = null!;
        var (read, seen, stepped) = (0, 0ul, 0L);
        handler = new Handler
        {
            OnPortWrite = (port, _, data) =>
            {
                switch (port)
                {
                    case Ready:
                        handler.TaskPriority = 0x7c;
                        break;
                    case Done:
                        (read, seen, stepped) = (data[0], handler.TaskPriority, guest.Vcpu.Counts.SteppedInstruction);
                        break;
                    default:
                        guest.Vcpu.RequestStop();
                        break;
                }
            },
            OnBeforeEntry = (ref EntryEvents _) => false,
        };
        guest.RunUntilStopped(handler);
        Assert.Equal((7, 0x70ul, 2L), (read, seen, stepped));
        Assert.Equal((2L, 7ul), (guest.Vcpu.Counts.SteppedInstruction, guest.State().Cr8));
    }

    /// <summary>RDMSR of a register that is KVM's: KVM executes until its next exit, behind which the rest is executed as before.</summary>
    [KvmFact]
    public void Subclass_LeavesToKvmWhatIsKvms()
    {
        // mov ecx, 0xfe; rdmsr; out ready; mov rax, cr8; mov cr8, rax; out done; jmp $
        using var guest = LiveGuest.OfUserMode(
            [0xb9, 0xfe, 0, 0, 0, 0x0f, 0x32, 0xe6, 0x80, 0x44, 0x0f, 0x20, 0xc0, 0x44, 0x0f, 0x22, 0xc0, 0xe6, 0x81, 0xeb, 0xfe]);
        guest.EnterLongMode();
        var stepped = new List<long>();
        var handler = new Handler
        {
            OnPortWrite = (port, _, _) =>
            {
                stepped.Add(guest.Vcpu.Counts.SteppedInstruction);
                if (port == Done)
                {
                    guest.Vcpu.RequestStop();
                }
            },
            OnBeforeEntry = (ref EntryEvents _) => false,
            TaskPriority = Subclass,
        };
        guest.RunUntilStopped(handler);
        Assert.Equal([1L, 3L], stepped);
        Assert.Equal(0ul, handler.TaskPriority);
    }

    [KvmFact]
    public void Subclass_LetsAStopThrough()
    {
        using var guest = LiveGuest.OfUserMode([0xeb, 0xfe]);
        var stops = 0;
        var handler = new Handler
        {
            OnBeforeEntry = (ref EntryEvents _) =>
            {
                if (stops++ == 3)
                {
                    ThreadPool.QueueUserWorkItem(_ => guest.Vcpu.RequestStop());
                }

                return false;
            },
            TaskPriority = Subclass,
        };
        guest.RunUntilStopped(handler);
        Assert.InRange(guest.Vcpu.Counts.SteppedInstruction, 3, long.MaxValue);
        Assert.Equal(LiveGuest.Code, guest.State().Rip);
    }

    [KvmFact]
    public void Subclass_EndsByATripleFaultAsUsual()
    {
        // int3, without an IDT
        using var guest = LiveGuest.OfUserMode([0x90, 0xcc]);
        var exit = guest.Run(new Handler { OnBeforeEntry = (ref EntryEvents _) => false, TaskPriority = Subclass });
        Assert.Equal(VcpuExitKind.Shutdown, exit.Kind);
    }

    /// <summary>What another processor sees of a locked instruction does not depend on who executes it.</summary>
    [KvmFact]
    public void Subclass_LeavesLockedInstructionsLocked()
    {
        // mov ecx, count; again: lock inc dword [counter]; dec ecx; jnz again; out done, al; jmp $ -- on both; the second from 0x8000 in real mode
        const uint Counter = 0x7000;
        const int Rounds = 20_000;
        using var guest = LiveGuest.OfUserMode([0xb9, .. BitConverter.GetBytes(Rounds), 0xf0, 0xff, 0x05, .. BitConverter.GetBytes(Counter), 0x49, 0x75, 0xf6, 0xe6, 0x81, 0xeb, 0xfe], vcpus: 2);
        guest.Put(0x8000, [0x66, 0xb9, .. BitConverter.GetBytes(Rounds), 0x66, 0xf0, 0xff, 0x06, 0x00, 0x70, 0x66, 0x49, 0x75, 0xf6, 0xe6, 0x81, 0xeb, 0xfe]);
        Handler Of(int vcpu, ulong taskPriority) => new()
        {
            OnPortWrite = (_, _, _) => guest.Partition.Vcpus[vcpu].RequestStop(),
            OnBeforeEntry = (ref EntryEvents events) =>
            {
                events.StartupVector = events.Halted ? 8 : -1;
                return events.Halted;
            },
            TaskPriority = taskPriority,
        };
        var other = new Thread(() => guest.Partition.Vcpus[1].Run(Of(1, 0)));
        other.Start();
        guest.RunUntilStopped(Of(0, Subclass));
        guest.Join(other);
        Assert.Equal(2 * Rounds, BitConverter.ToInt32(guest.Get(Counter, 4)));
        Assert.InRange(guest.Vcpu.Counts.SteppedInstruction, Rounds, long.MaxValue);
    }
}
