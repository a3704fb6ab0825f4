using HvRunner.Abstractions;

namespace HvRunner.Soft.Tests;

/// <summary>Halts, wake-ups and the delivery of what the machine has acknowledged.</summary>
public sealed class InterruptTests
{
    // out 0x80 + vector - 0x20, al; iret
    private static byte[] Tell(byte vector) => [0xe6, (byte)(0x60 + vector), 0xcf];

    [Fact]
    public void Halt_WaitsForAnInterruptAndGoesOnBehindIt()
    {
        // sti; hlt; out 0x10, al
        using var guest = new SoftGuest([0xfb, 0xf4, 0xe6, 0x10, 0xeb, 0xfe]);
        guest.SetGate(0x20, Tell(0x20));
        var controller = new Controller();
        var ports = new List<ushort>();
        controller.OnOut = (port, _) =>
        {
            ports.Add(port);
            if (port == 0x10)
            {
                guest.Vcpu.RequestStop();
            }
        };
        guest.Run(controller, () =>
        {
            Assert.True(SpinWait.SpinUntil(() => Volatile.Read(ref guest.Vcpu.Counts.Halt) == 1, TimeSpan.FromSeconds(5)));
            controller.Vectors.Enqueue(0x20);
            guest.Vcpu.Kick();
        });
        Assert.Equal([0x80, 0x10], ports);
    }

    [Fact]
    public void Halt_OutlivesAKickWithNothingToDeliver()
    {
        // cli; hlt
        using var guest = new SoftGuest([0xfa, 0xf4, 0xe6, 0x10]);
        var controller = new Controller();
        var activities = new List<VcpuActivity>();
        controller.OnKicked = () =>
        {
            activities.Add(guest.Vcpu.GetActivity());
            if (activities.Count == 3)
            {
                guest.Vcpu.RequestStop();
            }
            else
            {
                guest.Vcpu.Kick();
            }
        };
        guest.Run(controller, () =>
        {
            Assert.True(SpinWait.SpinUntil(() => Volatile.Read(ref guest.Vcpu.Counts.Halt) == 1, TimeSpan.FromSeconds(5)));
            guest.Vcpu.Kick();
        });
        Assert.Equal(0, guest.Vcpu.Counts.PortOut);
        Assert.Equal(1, guest.Vcpu.Counts.Halt);
        Assert.All(activities, activity => Assert.Equal(new VcpuActivity(true, false, false, false), activity));
    }

    [Fact]
    public void MaskedInterrupt_WaitsForTheWindowBehindTheShadowOfSti()
    {
        // out 0x10, al; nop; sti; out 0x11, al; out 0x12, al; jmp to itself
        using var guest = new SoftGuest([0xe6, 0x10, 0x90, 0xfb, 0xe6, 0x11, 0xe6, 0x12, 0xeb, 0xfe]);
        guest.SetGate(0x21, Tell(0x21));
        var controller = new Controller();
        var ports = new List<ushort>();
        controller.OnOut = (port, _) =>
        {
            ports.Add(port);
            if (port == 0x10)
            {
                controller.Vectors.Enqueue(0x21);
                guest.Vcpu.Kick();
            }
            else if (port == 0x12)
            {
                guest.Vcpu.RequestStop();
            }
        };
        guest.Run(controller);
        Assert.Equal([0x10, 0x11, 0x81, 0x12], ports);
        Assert.Equal(1, guest.Vcpu.Counts.InterruptWindow);
    }

    [Fact]
    public void InterruptOfADevice_ComesBehindTheInstructionThatRaisedIt()
    {
        // sti; nop; out 0x10, al; inc ebx; jmp to itself
        using var guest = new SoftGuest([0xfb, 0x90, 0xe6, 0x10, 0x43, 0xeb, 0xfe]);
        guest.SetGate(0x22, Tell(0x22));
        var controller = new Controller();
        ulong atHandler = 99;
        controller.OnOut = (port, _) =>
        {
            if (port == 0x10)
            {
                controller.Vectors.Enqueue(0x22);
                guest.Vcpu.Kick();
                return;
            }

            atHandler = guest.State()[GeneralRegister.Rbx];
            guest.Vcpu.RequestStop();
        };
        guest.Run(controller);
        Assert.Equal(0ul, atHandler);
    }

    [Fact]
    public void NonMaskableInterrupt_WakesAHaltedGuestWithInterruptsOff()
    {
        using var guest = new SoftGuest([0xfa, 0xf4, 0xe6, 0x10, 0xeb, 0xfe]);
        guest.SetGate(2, 0xe6, 0x70, 0xcf);
        var controller = new Controller();
        var ports = new List<ushort>();
        controller.OnOut = (port, _) =>
        {
            ports.Add(port);
            if (port == 0x10)
            {
                guest.Vcpu.RequestStop();
            }
        };
        guest.Run(controller, () =>
        {
            Assert.True(SpinWait.SpinUntil(() => Volatile.Read(ref guest.Vcpu.Counts.Halt) == 1, TimeSpan.FromSeconds(5)));
            controller.RaiseNonMaskable();
            guest.Vcpu.Kick();
        });
        Assert.Equal([0x70, 0x10], ports);
    }

    /// <summary>One that is kept while another is handled comes behind its IRET, before the guest goes on.</summary>
    [Fact]
    public void NonMaskableInterruptThatWaited_ComesBehindTheIret()
    {
        // out 0x10; inc ebx; jmp back -- handler: out 0x70; iret
        using var guest = new SoftGuest([0xe6, 0x10, 0xff, 0xc3, 0xeb, 0xfc]);
        guest.SetGate(2, 0xe6, 0x70, 0xcf);
        var controller = new Controller();
        var counts = new List<ulong>();
        controller.OnOut = (port, _) =>
        {
            if (port == 0x70)
            {
                counts.Add(guest.State()[GeneralRegister.Rbx]);
            }

            if (counts.Count == 2)
            {
                guest.Vcpu.RequestStop();
                return;
            }

            controller.RaiseNonMaskable();
            guest.Vcpu.Kick();
        };
        guest.Run(controller);
        Assert.Equal([counts[0], counts[0]], counts);
    }
}
