using HvRunner.Abstractions;

namespace HvRunner.Soft.Tests;

/// <summary>Stops, kicks and exits of a vCPU, as the contracts say.</summary>
public sealed class RunTests
{
    // out 0x10, al; jmp to itself
    private static readonly byte[] OutAndSpin = [0xe6, 0x10, 0xeb, 0xfe];

    [Fact]
    public void RequestStop_EndsAGuestThatSpins()
    {
        using var guest = new SoftGuest(OutAndSpin);
        using var spinning = new ManualResetEventSlim();
        var controller = new Controller { OnOut = (_, _) => spinning.Set() };
        var exit = guest.Run(controller, () =>
        {
            Assert.True(spinning.Wait(TimeSpan.FromSeconds(5)));
            guest.Vcpu.RequestStop();
        });
        Assert.Equal(new VcpuExit(VcpuExitKind.Stopped), exit);
    }

    [Fact]
    public void RequestStop_IsSticky()
    {
        using var guest = new SoftGuest(OutAndSpin);
        guest.Vcpu.RequestStop();
        Assert.Equal(VcpuExitKind.Stopped, guest.Run(new Controller()).Kind);
        Assert.Equal(VcpuExitKind.Stopped, guest.Run(new Controller()).Kind);
        Assert.Equal(SoftGuest.Code, guest.State().Rip);
    }

    [Fact]
    public void RequestStop_FromADevice_EndsBehindItsInstruction()
    {
        // out 0x10, al; inc ebx; jmp to itself
        using var guest = new SoftGuest([0xe6, 0x10, 0x43, 0xeb, 0xfe]);
        var controller = new Controller();
        controller.OnOut = (_, _) => guest.Vcpu.RequestStop();
        Assert.Equal(VcpuExitKind.Stopped, guest.Run(controller).Kind);
        Assert.Equal(SoftGuest.Code + 2, guest.State().Rip);
        Assert.Equal(0ul, guest.State()[GeneralRegister.Rbx]);
    }

    [Fact]
    public void Kick_IsNeverLost()
    {
        using var guest = new SoftGuest([0xeb, 0xfe]);
        var controller = new Controller();
        using var kicked = new SemaphoreSlim(0);
        controller.OnKicked = () => kicked.Release();
        var exit = guest.Run(controller, () =>
        {
            for (var i = 0; i < 500; i++)
            {
                guest.Vcpu.Kick();
                Assert.True(kicked.Wait(TimeSpan.FromSeconds(5)), $"kick {i} was lost");
            }

            guest.Vcpu.RequestStop();
        });
        Assert.Equal(VcpuExitKind.Stopped, exit.Kind);
    }

    [Fact]
    public void Kick_BeforeTheRun_TakesEffectAtItsStart()
    {
        using var guest = new SoftGuest([0xeb, 0xfe]);
        var controller = new Controller();
        controller.OnKicked = guest.Vcpu.RequestStop;
        guest.Vcpu.Kick();
        guest.Run(controller);
        Assert.Equal(SoftGuest.Code, guest.State().Rip);
    }

    [Fact]
    public void Exits_AreCounted()
    {
        // in al, 0x10; out 0x11, al; mov [Device], al; mov al, [Device]; cpuid; then the triple fault of an empty IDT
        using var guest = new SoftGuest([0xe4, 0x10, 0xe6, 0x11, 0xa2, 0, 0, 0, 0xd0, 0xa0, 0, 0, 0, 0xd0, 0x0f, 0xa2, 0x0f, 0x0b]);
        Assert.Equal(VcpuExitKind.Shutdown, guest.Run(new Controller()).Kind);
        var counts = guest.Vcpu.Counts;
        Assert.Equal((1, 1, 1, 1), (counts.PortIn, counts.PortOut, counts.MmioRead, counts.MmioWrite));
        Assert.Equal(4, counts.Total);
    }

    [Fact]
    public void Exits_AllocateNothing()
    {
        // out 0x10, al; cpuid; in al, 0x12; mov [Device], al; mov al, [Device]; xor eax, eax; inc eax; jmp to the start
        using var guest = new SoftGuest([0xe6, 0x10, 0x0f, 0xa2, 0xe4, 0x12, 0xa2, 0, 0, 0, 0xd0, 0xa0, 0, 0, 0, 0xd0, 0x31, 0xc0, 0x40, 0xeb, 0xeb]);
        var rounds = 0;
        long before = 0, after = 0;
        var controller = new Controller();
        controller.OnOut = (_, _) =>
        {
            switch (++rounds)
            {
                case 1000:
                    before = GC.GetAllocatedBytesForCurrentThread();
                    break;
                case 2000:
                    after = GC.GetAllocatedBytesForCurrentThread();
                    guest.Vcpu.RequestStop();
                    break;
            }
        };
        Assert.Equal(VcpuExitKind.Stopped, guest.Run(controller).Kind);
        Assert.Equal(0, after - before);
    }

    [Fact]
    public void UnknownMsr_IsTheMachinesAndElseAGeneralProtection()
    {
        // mov ecx, 0x6e0; rdmsr; out 0x10, al
        byte[] code = [0xb9, 0xe0, 6, 0, 0, 0x0f, 0x32, 0xe6, 0x10, 0xeb, 0xfe];
        using var taken = new SoftGuest(code);
        var controller = new Controller { TakesMsrs = true };
        var seen = -1;
        controller.OnOut = (_, value) =>
        {
            seen = value;
            taken.Vcpu.RequestStop();
        };
        taken.Run(controller);
        Assert.Equal(0x34, seen);
        Assert.Equal([0x6e0u], controller.Msrs);
        Assert.Equal(1, taken.Vcpu.Counts.MsrRead);

        using var refused = new SoftGuest(code);
        Assert.Equal(VcpuExitKind.Shutdown, refused.Run(new Controller()).Kind);
    }

    [Fact]
    public void TaskPriority_AndCr8AreOne()
    {
        // mov [Device], al; out 0x10, al
        using var guest = new SoftGuest([0xa2, 0, 0, 0, 0xd0, 0xe6, 0x10]);
        var controller = new Controller();
        ulong atWrite = 0;
        controller.OnMmioWrite = (_, _) =>
        {
            atWrite = controller.TaskPriority;
            controller.TaskPriority = 0x7c;
        };
        ulong afterwards = 0;
        controller.OnOut = (_, _) =>
        {
            afterwards = guest.State().Cr8;
            guest.Set(state => state.Cr8 = 2);
            guest.Vcpu.RequestStop();
        };
        guest.Run(controller);
        Assert.Equal(0ul, atWrite);
        Assert.Equal(7ul, afterwards);
        Assert.Equal(0x20ul, controller.TaskPriority);
    }

    [Fact]
    public void TaskPriority_IsSetByCr8EvenIfThatDoesNotChange()
    {
        // In long mode, as nothing else has CR8: xor eax, eax; mov cr8, rax; mov ecx, Device; mov [rcx], al
        using var guest = new SoftGuest([0x31, 0xc0, 0x44, 0x0f, 0x22, 0xc0, 0xb9, 0, 0, 0, 0xd0, 0x88, 0x01]);
        guest.Put(0x2_0000, 0x03, 0x10, 0x02, 0, 0, 0, 0, 0);
        guest.Put(0x2_1000, 0x83, 0, 0, 0, 0, 0, 0, 0);
        guest.Put(0x2_1018, 0x83, 0, 0, 0xc0, 0, 0, 0, 0);
        guest.Set(state =>
        {
            state.Cr3 = 0x2_0000;
            state.Cr4 = 0x20;
            state.Efer = 0x500;
            state.Cr0 = 0x8000_0031;
            state[SegmentName.Cs] = new SegmentRegister { Selector = 8, Limit = uint.MaxValue, Attributes = 0xa09b };
        });
        var controller = new Controller();
        List<ulong> priorities = [];
        controller.OnTaskPriority = priorities.Add;
        controller.OnMmioWrite = (_, _) => guest.Vcpu.RequestStop();
        guest.Run(controller);
        Assert.Equal([0ul], priorities);
    }

    [Fact]
    public void TaskPriority_FollowsAnMsrOfTheApic()
    {
        // mov ecx, 0x808; wrmsr; out 0x10, al
        using var guest = new SoftGuest([0xb9, 8, 8, 0, 0, 0x0f, 0x30, 0xe6, 0x10]);
        var controller = new Controller { TakesMsrs = true };
        controller.OnMsrWrite = () => controller.TaskPriority = 0x5f;
        ulong afterwards = 0;
        controller.OnOut = (_, _) =>
        {
            afterwards = guest.State().Cr8;
            guest.Vcpu.RequestStop();
        };
        guest.Run(controller);
        Assert.Equal(5ul, afterwards);
    }

    [Theory]
    [InlineData(1u)]
    [InlineData(0x8000_0001u)]
    public void Cpuid_ShowsTheApicWhileItIsOn(uint leaf)
    {
        // cpuid; mov [0x8000], edx; mov eax, 0; mov edx, 0; mov ecx, 0x1b; wrmsr; mov eax, leaf; cpuid; out 0x10, al
        byte[] code = [0xb8, (byte)leaf, 0, 0, (byte)(leaf >> 24), 0x0f, 0xa2];
        using var guest = new SoftGuest(
            [.. code, 0x89, 0x15, 0, 0x80, 0, 0, 0x31, 0xc0, 0x31, 0xd2, 0xb9, 0x1b, 0, 0, 0, 0x0f, 0x30, .. code, 0xe6, 0x10]);
        var controller = new Controller { TakesMsrs = true };
        uint without = 0;
        controller.OnOut = (_, _) =>
        {
            without = (uint)guest.State()[GeneralRegister.Rdx];
            guest.Vcpu.RequestStop();
        };
        guest.Run(controller);
        Span<byte> with = stackalloc byte[4];
        Assert.True(guest.Memory.TryRead(new GuestAddress(0x8000), with));
        Assert.Equal(0x200u, BitConverter.ToUInt32(with) ^ without);
    }

    [Fact]
    public void Hypervisor_RefusesWhatItHasNot()
    {
        using var hypervisor = new SoftHypervisor();
        using var memory = hypervisor.AllocateMemory([new GuestRange(new GuestAddress(0), 1 << 20)]);
        PartitionConfig Config(int vcpus, IrqchipMode irqchip) =>
            new() { VcpuCount = vcpus, Irqchip = irqchip, Memory = memory, CpuidOf = _ => [] };
        Assert.Throws<HypervisorException>(() => hypervisor.CreatePartition(Config(SoftHypervisor.VcpuLimit + 1, IrqchipMode.User)));
        Assert.Throws<ArgumentException>(() => hypervisor.CreatePartition(Config(1, IrqchipMode.Kernel)));
    }
}
