using HvRunner.Abstractions;

namespace HvRunner.Kvm.Tests.Live;

/// <summary>A vCPU whose local APIC is not KVM's: what it asks of whoever has it, and when.</summary>
[Collection(KvmDevice.Name)]
public class UserApicTests
{
    private const uint InterruptHandler = 0x2000;
    private const uint NmiHandler = 0x2100;
    private const ushort Ready = 0x80;
    private const ushort Done = 0x81;
    private const ushort Interrupted = 0x82;
    private const byte Vector = 0x20;

    private static readonly byte[] SayInterrupted = [0x50, 0xe6, 0x82, 0x58, 0xcf];

    /// <summary>Each interrupt is raised as soon as the one before was handled, so at every moment of the way back into HLT.</summary>
    [KvmTheory]
    [InlineData(0)]
    [InlineData(TaskPriorityTests.Subclass)]
    public void Halt_MissesNoInterrupt(ulong taskPriority)
    {
        // again: sti; hlt; jmp again
        using var guest = LiveGuest.OfUserMode([0xfb, 0xf4, 0xeb, 0xfc]);
        var isStepped = taskPriority != 0;
        guest.Put(InterruptHandler, SayInterrupted);
        guest.SetGate(Vector, InterruptHandler);
        var rounds = KvmDevice.Rounds / 4;
        var (raised, handled) = (0, 0);
        var handler = new Handler
        {
            OnPortWrite = (port, _, _) => Volatile.Write(ref handled, handled + 1),
            OnBeforeEntry = (ref EntryEvents events) =>
            {
                if (events.CanTakeInterrupt && Interlocked.Exchange(ref raised, 0) != 0)
                {
                    events.Vector = Vector;
                }

                events.WaitsForWindow = Volatile.Read(ref raised) != 0;
                return true;
            },
            TaskPriority = taskPriority,
        };
        var thread = new Thread(() => guest.Vcpu.Run(handler));
        thread.Start();
        for (var i = 1; i <= rounds; i++)
        {
            Volatile.Write(ref raised, 1);
            guest.Vcpu.Kick();
            if (!SpinWait.SpinUntil(() => Volatile.Read(ref handled) == i, LiveGuest.Limit))
            {
                break;
            }
        }

        guest.Vcpu.RequestStop();
        guest.Join(thread);
        Assert.Equal(rounds, handled);
        Assert.InRange(guest.Vcpu.Counts.Halt, 1, long.MaxValue);
        Assert.Equal(isStepped, guest.Vcpu.Counts.SteppedInstruction >= rounds);
    }

    /// <summary>With interrupts off KVM is asked for the moment in which they are on, and the guest is stepped to it where KVM may miss it.</summary>
    [KvmTheory]
    [InlineData(0)]
    [InlineData(TaskPriorityTests.Subclass)]
    public void Interrupt_WaitsForTheWindow(ulong taskPriority)
    {
        // cli; out ready; sti; nop; out done; jmp $
        using var guest = LiveGuest.OfUserMode([0xfa, 0xe6, 0x80, 0xfb, 0x90, 0xe6, 0x81, 0xeb, 0xfe]);
        guest.Put(InterruptHandler, SayInterrupted);
        guest.SetGate(Vector, InterruptHandler);
        var ports = new List<ushort>();
        var waits = false;
        var refused = 0;
        guest.RunUntilStopped(new Handler
        {
            OnPortWrite = (port, _, _) =>
            {
                ports.Add(port);
                waits |= port == Ready;
                if (port == Done)
                {
                    guest.Vcpu.RequestStop();
                }
            },
            OnBeforeEntry = (ref EntryEvents events) =>
            {
                refused += waits && !events.CanTakeInterrupt ? 1 : 0;
                if (waits && events.CanTakeInterrupt)
                {
                    waits = false;
                    events.Vector = Vector;
                }

                events.WaitsForWindow = waits;
                return true;
            },
            TaskPriority = taskPriority,
        });
        Assert.Equal([Ready, Interrupted, Done], ports);
        Assert.True(refused > 0);
        var isStepped = taskPriority != 0 || KvmDevice.MissesWindows;
        Assert.Equal(!isStepped, guest.Vcpu.Counts.InterruptWindow > 0);
        Assert.Equal(isStepped, guest.Vcpu.Counts.SteppedInstruction > 0);
    }

    [KvmTheory]
    [InlineData(0)]
    [InlineData(TaskPriorityTests.Subclass)]
    public void Nmi_WakesAHaltedGuestButNotItsOwnHandler(ulong taskPriority)
    {
        // cli; hlt; out done; jmp $ -- handler: out interrupted; hlt; out done
        using var guest = LiveGuest.OfUserMode([0xfa, 0xf4, 0xe6, 0x81, 0xeb, 0xfe]);
        guest.Put(NmiHandler, 0xe6, 0x82, 0xf4, 0xe6, 0x81, 0xeb, 0xfe);
        guest.SetGate(2, NmiHandler);
        var (given, halts) = (0, 0);
        var ports = new List<ushort>();
        guest.RunUntilStopped(new Handler
        {
            OnPortWrite = (port, _, _) => ports.Add(port),
            OnBeforeEntry = (ref EntryEvents events) =>
            {
                if (!events.Halted)
                {
                    return false;
                }

                if (++halts == 1)
                {
                    Assert.True(events.CanTakeNonMaskable);
                    given++;
                    events.NonMaskable = true;
                    return true;
                }

                Assert.False(events.CanTakeNonMaskable);
                Assert.True(guest.Vcpu.GetActivity() is { Halted: true, InterruptsEnabled: false, WaitingForSipi: false });
                guest.Vcpu.RequestStop();
                return false;
            },
            TaskPriority = taskPriority,
        });
        Assert.Equal((1, 2), (given, halts));
        Assert.Equal([Interrupted], ports);
    }

    /// <summary>All but the write of a deadline, on a KVM of which hvrun says that it drops it.</summary>
    [KvmFact]
    public void ApicRegisters_ArePassedOnWhateverTheirKind()
    {
        // For each: mov ecx, index; rdmsr; wrmsr. Then mov eax, [0xfee00030]; out done; jmp $
        uint[] registers = [0x1b, 0x6e0, 0x808, 0x830];
        using var guest = LiveGuest.OfUserMode(
        [
            .. registers.SelectMany(index => (byte[])[0xb9, .. BitConverter.GetBytes(index), 0x0f, 0x32, 0x0f, 0x30]),
            0xa1, 0x30, 0x00, 0xe0, 0xfe, 0xe6, 0x81, 0xeb, 0xfe,
        ]);
        var (read, written, pages, version) = (new List<uint>(), new List<(uint, ulong)>(), new List<ulong>(), 0);
        guest.RunUntilStopped(new Handler
        {
            OnMsrRead = (uint index, out ulong value) =>
            {
                read.Add(index);
                value = index == 0x1b ? 0xfee0_0900u : index + 1;
                return true;
            },
            OnMsrWrite = (index, value) =>
            {
                written.Add((index, value));
                return true;
            },
            OnMmioRead = (address, data) =>
            {
                pages.Add(address);
                data[0] = 0x14;
            },
            OnPortWrite = (_, _, data) =>
            {
                version = data[0];
                guest.Vcpu.RequestStop();
            },
            OnBeforeEntry = (ref EntryEvents _) => false,
        });
        Assert.Equal(registers, read);
        Assert.Equal(
            registers.Where(index => index != 0x6e0 || KvmDevice.HasTscDeadlineInUserMode).Select(index => (index, index == 0x1b ? 0xfee0_0900ul : index + 1)), written);
        Assert.Equal([0xfee0_0030ul], pages);
        Assert.Equal(0x14, version);
    }

    /// <summary>Leaf 1, EDX bit 9 follows IA32_APIC_BASE.</summary>
    [KvmFact]
    public void Cpuid_ShowsTheApicWhileItIsOn()
    {
        // mov eax, 1; cpuid; mov eax, edx; shr eax, 9; and al, 1; out ready -- then: mov ecx, 0x1b; mov eax, 0xfee00100; xor edx, edx; wrmsr; and again
        byte[] ask = [0xb8, 1, 0, 0, 0, 0x0f, 0xa2, 0x89, 0xd0, 0xc1, 0xe8, 9, 0x24, 1, 0xe6, 0x80];
        using var guest = LiveGuest.OfUserMode(
            [.. ask, 0xb9, 0x1b, 0, 0, 0, 0xb8, 0x00, 0x01, 0xe0, 0xfe, 0x31, 0xd2, 0x0f, 0x30, .. ask, 0xe6, 0x81, 0xeb, 0xfe]);
        var shown = new List<byte>();
        guest.RunUntilStopped(new Handler
        {
            OnMsrWrite = (_, _) => true,
            OnPortWrite = (port, _, data) =>
            {
                if (port == Done)
                {
                    guest.Vcpu.RequestStop();
                    return;
                }

                shown.Add(data[0]);
            },
            OnBeforeEntry = (ref EntryEvents _) => false,
        });
        Assert.Equal([1, 0], shown);
    }

    [KvmFact]
    public void SecondProcessor_StandsStillUntilItIsStarted()
    {
        using var guest = LiveGuest.OfUserMode([0xeb, 0xfe], vcpus: 2);

        // mov al, 0x55; out done; jmp $
        guest.Put(0x8000, 0xb0, 0x55, 0xe6, 0x81, 0xeb, 0xfe);
        var vcpu = guest.Partition.Vcpus[1];
        var (asked, kicked, said) = (0, false, 0);
        guest.RunUntilStopped(
            new Handler
            {
                OnKicked = () => kicked = true,
                OnPortWrite = (port, _, data) =>
                {
                    said = data[0];
                    vcpu.RequestStop();
                },
                OnBeforeEntry = (ref EntryEvents events) =>
                {
                    var isStarted = asked++ > 1;
                    Assert.Equal(!isStarted, events.Halted);
                    Assert.Equal(!isStarted, vcpu.GetActivity().WaitingForSipi);
                    Assert.Equal(asked > 1, kicked);
                    events.StartupVector = kicked ? 8 : -1;
                    if (!kicked)
                    {
                        ThreadPool.QueueUserWorkItem(_ => vcpu.Kick());
                    }

                    return true;
                },
            },
            vcpu: 1);
        Assert.Equal(0x55, said);
    }
}
