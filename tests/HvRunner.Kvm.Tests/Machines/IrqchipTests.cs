using HvRunner.Abstractions;
using HvRunner.Kvm.Tests.Live;
using HvRunner.Machine.Verdicts;
using static Iced.Intel.AssemblerRegisters;

namespace HvRunner.Kvm.Tests.Machines;

/// <summary>What a guest gets of its interrupt controllers is the same wherever they live.</summary>
[Collection(KvmDevice.Name)]
public class IrqchipTests
{
    private const ushort Com1InterruptEnable = 0x3f9;
    private const ushort Com1InterruptIdentification = 0x3fa;
    private const uint Pin4 = 0x10 + (2 * 4);

    [Theory]
    [OnSoft]
    [OnKvm]
    public void ApicTimer_TicksAHaltedGuest(Backend backend)
    {
        var guest = new InterruptGuest();
        guest.On(0x40, () =>
        {
            guest.CountTo(20, status: 11);
            guest.WriteApic(InterruptGuest.EndOfInterrupt, 0);
        });
        guest.EnableApic();
        guest.WriteApic(InterruptGuest.DivideConfiguration, 0xb);
        guest.WriteApic(InterruptGuest.LvtTimer, 0x2_0040);
        guest.WriteApic(InterruptGuest.InitialCount, 2_000_000);
        guest.Idle();
        Assert.Equal(11, StatusOf(backend, guest));
    }

    /// <summary>Each handler sets the next deadline, half a millisecond ahead on many hosts, and one that came too early ends the machine.</summary>
    [Theory]
    [OnSoft]
    [OnKvm(TscDeadline = true)]
    public void TscDeadline_WakesAHaltedGuestAndIsNeverEarly(Backend backend)
    {
        const uint Deadline = InterruptGuest.Counter + 8;
        const uint TscDeadlineMsr = 0x6e0;
        var guest = new InterruptGuest();
        var code = guest.Code;
        guest.On(0x40, () =>
        {
            var right = code.CreateLabel();
            code.rdtsc();
            code.sub(eax, __[Deadline]);
            code.sbb(edx, __[Deadline + 4]);
            code.jae(right);
            guest.Exit(1);
            code.Label(ref right);
            guest.CountTo(50, status: 18);
            Arm();
            guest.WriteApic(InterruptGuest.EndOfInterrupt, 0);
        });
        guest.EnableApic();
        guest.WriteApic(InterruptGuest.LvtTimer, 0x4_0040);
        Arm();
        guest.Idle();
        Assert.Equal(18, StatusOf(backend, guest));

        void Arm()
        {
            code.rdtsc();
            code.add(eax, 1_000_000);
            code.adc(edx, 0);
            code.mov(__[Deadline], eax);
            code.mov(__[Deadline + 4], edx);
            code.mov(ecx, TscDeadlineMsr);
            code.wrmsr();
        }
    }

    /// <summary>A deadline hours ahead comes as soon as the guest sets its counter behind it. KVM's own local APICs do not look at it then.</summary>
    [Theory]
    [OnSoft]
    [OnKvm(IrqchipMode.User, TscDeadline = true, MovableCounter = true)]
    public void TscDeadline_MovesWithTheCounter(Backend backend)
    {
        var guest = new InterruptGuest();
        var code = guest.Code;
        guest.On(0x40, () => guest.Exit(19));
        guest.EnableApic();
        guest.WriteApic(InterruptGuest.LvtTimer, 0x4_0040);
        code.mov(ecx, 0x6e0);
        code.xor(eax, eax);
        code.mov(edx, 0x8000);
        code.wrmsr();
        code.mov(ecx, 0x10);
        code.wrmsr();
        guest.Idle();
        Assert.Equal(19, StatusOf(backend, guest));
    }

    /// <summary>The 8259 pair by way of LINT0, which stands open as firmware leaves it.</summary>
    [Theory]
    [OnSoft]
    [OnKvm]
    public void Pic_InterruptsThroughLint0(Backend backend)
    {
        var guest = new InterruptGuest();
        OnPicTick(guest, last: 20, status: 12);

        guest.Idle();
        Assert.Equal(12, StatusOf(backend, guest));
    }

    /// <summary>With the guest busy and its interrupts off most of the time, so that the processor has to be asked for a window.</summary>
    [Theory]
    [OnSoft]
    [OnKvm(Rules = ["shortWindowsSeen"])]
    public void Pic_InterruptsAGuestThatIsHardlyEverReady(Backend backend)
    {
        var guest = new InterruptGuest();
        OnPicTick(guest, last: 10, status: 13);

        var again = guest.Code.CreateLabel();
        var wait = guest.Code.CreateLabel();
        guest.Code.Label(ref again);
        guest.Code.cli();
        guest.Code.mov(ecx, 20_000);
        guest.Code.Label(ref wait);
        guest.Code.dec(ecx);
        guest.Code.jnz(wait);
        guest.Code.sti();
        guest.Code.nop();
        guest.Code.jmp(again);
        Assert.Equal(13, StatusOf(backend, guest));
    }

    /// <summary>The line of a serial port that may send is up until its identification is read: it comes again behind each EOI, and then no more.</summary>
    [Theory]
    [OnSoft]
    [OnKvm(Rules = ["levelsEndWithEoi"])]
    public void LevelTriggeredPin_ComesAgainBehindEachEndOfInterrupt(Backend backend)
    {
        const uint Seen = InterruptGuest.Counter;
        var guest = new InterruptGuest();
        var code = guest.Code;
        guest.On(0x41, () =>
        {
            code.inc(__dword_ptr[Seen]);
            code.cmp(__dword_ptr[Seen], 5);
            var keep = code.CreateLabel();
            code.jb(keep);
            code.mov(dx, Com1InterruptIdentification);
            code.@in(al, dx);
            code.Label(ref keep);
            guest.WriteApic(InterruptGuest.EndOfInterrupt, 0);
        });
        MaskPics(guest);
        guest.EnableApic();
        guest.WriteIoApic(Pin4 + 1, 0);
        guest.WriteIoApic(Pin4, 0x8041);
        guest.Out(Com1InterruptEnable, 2);
        code.sti();
        var wait = code.CreateLabel();
        code.Label(ref wait);
        code.cmp(__dword_ptr[Seen], 5);
        code.jb(wait);
        code.mov(ecx, 2_000);
        var linger = code.CreateLabel();
        code.Label(ref linger);
        code.@in(al, 0x80);
        code.dec(ecx);
        code.jnz(linger);
        code.mov(eax, __dword_ptr[Seen]);
        code.@out(0xf4, al);
        code.hlt();
        Assert.Equal(5, StatusOf(backend, guest));
    }

    [Theory]
    [OnSoft]
    [OnKvm]
    public void X2Apic_SendsToItself(Backend backend)
    {
        var guest = new InterruptGuest();
        guest.On(0x60, () =>
        {
            guest.WriteMsr(0x80b, 0);
            guest.Code.mov(ecx, 0x1b);
            guest.Code.rdmsr();
            var right = guest.Code.CreateLabel();
            guest.Code.test(eax, 0x400);
            guest.Code.jnz(right);
            guest.Exit(1);
            guest.Code.Label(ref right);
            guest.CountTo(50, status: 15);
        });
        guest.WriteMsr(0x1b, 0xfee0_0d00);
        guest.WriteMsr(0x80f, 0x1ff);
        var again = guest.Code.CreateLabel();
        guest.Code.sti();
        guest.Code.Label(ref again);
        guest.WriteMsr(0x83f, 0x60);
        guest.Code.jmp(again);
        Assert.Equal(15, StatusOf(backend, guest));
    }

    /// <summary>It starts from the page that the start-up IPI names, and the two send each other an interrupt again and again, each asleep meanwhile.</summary>
    [Theory]
    [OnSoft]
    [OnKvm]
    public void SecondProcessor_StartsAndPlaysPingPong(Backend backend)
    {
        const uint Trampoline = 0x8000;
        var guest = new InterruptGuest();
        var code = guest.Code;
        const byte Ping = 0x50;
        const byte Pong = 0x51;
        guest.On(Ping, () =>
        {
            guest.WriteApic(InterruptGuest.EndOfInterrupt, 0);
            Send(0x4000 | Pong, destination: 0);
        });
        guest.On(Pong, () =>
        {
            guest.WriteApic(InterruptGuest.EndOfInterrupt, 0);
            guest.CountTo(200, status: 16);
            Send(0x4000 | Ping);
        });
        guest.EnableApic();

        // In real mode: lgdt [gdtr]; into protected mode; far jump to the rest.
        code.sgdt(__[Trampoline + 0x80]);
        byte[] realMode = [0xfa, 0x31, 0xc0, 0x8e, 0xd8, 0x66, 0x0f, 0x01, 0x16, 0x80, 0x80, 0x0f, 0x20, 0xc0, 0x0c, 0x01, 0x0f, 0x22, 0xc0, 0x66, 0xea];
        for (var i = 0; i < realMode.Length; i++)
        {
            code.mov(__byte_ptr[Trampoline + (uint)i], realMode[i]);
        }

        guest.Aside(() =>
        {
            code.mov(eax, 0x10);
            code.mov(ds, eax);
            code.mov(es, eax);
            code.mov(ss, eax);
            code.mov(esp, 0x9000);
            guest.LoadTable();
            guest.EnableApic();
            Send(0x4000 | Pong, destination: 0);
            guest.Idle();
        });
        code.mov(__dword_ptr[Trampoline + (uint)realMode.Length], eax);
        code.mov(__word_ptr[Trampoline + (uint)realMode.Length + 4], 8);
        Send(0x4500);
        Send(0x4600 | (Trampoline >> 12));
        Send(0x4600 | (Trampoline >> 12));
        guest.Idle();
        Assert.Equal(16, StatusOf(backend, guest, vcpus: 2));

        void Send(uint command, uint destination = 1)
        {
            guest.WriteApic(InterruptGuest.InterruptCommandHigh, destination << 24);
            guest.WriteApic(InterruptGuest.InterruptCommand, command);
        }
    }

    /// <summary>INIT ends whatever the other does, in the middle of a device's access too, and it starts again from where it is told.</summary>
    [Theory]
    [OnSoft]
    [OnKvm]
    public void SecondProcessor_IsStoppedAndStartedAgainAndAgain(Backend backend)
    {
        const uint Trampoline = 0x8000;
        var guest = new InterruptGuest();
        var code = guest.Code;

        // lock inc dword ptr cs:[0xf0]; again: in al, 0x80; jmp again
        byte[] realMode = [0x2e, 0x66, 0xf0, 0xff, 0x06, 0xf0, 0x00, 0xe4, 0x80, 0xeb, 0xfc];
        for (var i = 0; i < realMode.Length; i++)
        {
            code.mov(__byte_ptr[Trampoline + (uint)i], realMode[i]);
        }

        code.mov(__dword_ptr[Trampoline + 0xf0], 0);
        guest.EnableApic();
        guest.WriteApic(InterruptGuest.InterruptCommandHigh, 1 << 24);
        code.xor(ebx, ebx);
        var again = code.CreateLabel();
        var wait = code.CreateLabel();
        code.Label(ref again);
        guest.WriteApic(InterruptGuest.InterruptCommand, 0x4500);
        guest.WriteApic(InterruptGuest.InterruptCommand, 0x4600 | (Trampoline >> 12));
        code.inc(ebx);
        code.Label(ref wait);
        code.@in(al, 0x80);
        code.cmp(__dword_ptr[Trampoline + 0xf0], ebx);
        code.jb(wait);
        code.cmp(ebx, 50);
        code.jb(again);
        guest.Exit(17);
        Assert.Equal(17, StatusOf(backend, guest, vcpus: 2));
    }

    [Theory]
    [OnSoft]
    [OnKvm]
    public void HaltWithInterruptsOff_IsFoundWithARunningTimer(Backend backend)
    {
        var guest = new InterruptGuest();
        guest.EnableApic();
        guest.WriteApic(InterruptGuest.DivideConfiguration, 0xb);
        guest.WriteApic(InterruptGuest.LvtTimer, 0x2_0040);
        guest.WriteApic(InterruptGuest.InitialCount, 5_000_000);
        guest.Code.hlt();
        guest.Exit(1);
        using var rig = new MachineRig(backend, guest.Build());
        rig.Start();
        rig.EndedWith(VerdictKind.Halted);
    }

    [Theory]
    [OnSoft]
    [OnKvm]
    public void HaltWithInterruptsOff_IsFoundWithADeadline(Backend backend)
    {
        var guest = new InterruptGuest();
        guest.EnableApic();
        guest.WriteApic(InterruptGuest.LvtTimer, 0x4_0040);
        guest.Code.rdtsc();
        guest.Code.add(edx, 1);
        guest.Code.mov(ecx, 0x6e0);
        guest.Code.wrmsr();
        guest.Code.hlt();
        guest.Exit(1);
        using var rig = new MachineRig(backend, guest.Build());
        rig.Start();
        rig.EndedWith(VerdictKind.Halted);
    }

    /// <summary>An 8259 that nobody has set up may let everything through, to vectors that are exceptions'.</summary>
    private static void MaskPics(InterruptGuest guest)
    {
        guest.Out(0x21, 0xff);
        guest.Out(0xa1, 0xff);
    }

    /// <summary>The interval timer ticks every two milliseconds, through the 8259 pair.</summary>
    private static void OnPicTick(InterruptGuest guest, uint last, byte status)
    {
        guest.On(0x30, () =>
        {
            guest.CountTo(last, status);
            guest.Out(0x20, 0x20);
        });
        foreach (var (port, value) in new (ushort, byte)[] { (0x20, 0x11), (0x21, 0x30), (0x21, 4), (0x21, 1), (0x21, 0xfe), (0x43, 0x34), (0x40, 0x50), (0x40, 0x09) })
        {
            guest.Out(port, value);
        }
    }

    private static int StatusOf(Backend backend, InterruptGuest guest, int vcpus = 1)
    {
        using var rig = new MachineRig(backend, guest.Build(), vcpus);
        rig.Start();
        return rig.EndedWith(VerdictKind.GuestStatus).Status;
    }
}
