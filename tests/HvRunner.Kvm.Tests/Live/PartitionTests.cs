using HvRunner.Abstractions;
using HvRunner.Fakes;

namespace HvRunner.Kvm.Tests.Live;

/// <summary>Partitions, registers and wires on the real device.</summary>
[Collection(KvmDevice.Name)]
public class PartitionTests
{
    [KvmFact]
    public void Hypervisor_SaysWhatItIs()
    {
        using var hypervisor = KvmHypervisor.Open();
        Assert.Equal(("kvm", 12), (hypervisor.Name, hypervisor.ApiVersion));
        Assert.True(hypervisor.MaxVcpus >= 1);
        Assert.Contains(hypervisor.GetSupportedCpuid(IrqchipMode.Kernel), leaf => leaf.Function == 1);
        Assert.Same(hypervisor.GetSupportedCpuid(IrqchipMode.Kernel), hypervisor.GetSupportedCpuid(IrqchipMode.Kernel));
    }

    [KvmFact]
    public void Partition_TakesOnlyItsOwnMemory()
    {
        using var hypervisor = KvmHypervisor.Open();
        using var foreign = new ArrayGuestMemory(4096);
        Assert.Throws<ArgumentException>(() => hypervisor.CreatePartition(new PartitionConfig
        {
            VcpuCount = 1,
            Irqchip = IrqchipMode.Kernel,
            Memory = foreign,
            CpuidOf = _ => [],
        }));
    }

    [KvmFact]
    public void Disposal_GivesEveryDescriptorAndMappingBack()
    {
        // Whatever the runtime opens once is open after the first.
        Use();
        var before = (Descriptors(), Mappings());
        for (var i = 0; i < 5; i++)
        {
            Use();
        }

        Assert.Equal(before, (Descriptors(), Mappings()));

        static void Use()
        {
            using var guest = Guests.That(Doing.PortLoop, vcpus: 2);
            guest.RunUntilStopped(new Handler { OnPortWrite = (_, _, _) => guest.Vcpu.RequestStop() });
        }

        static int Descriptors() => Directory.GetFiles("/proc/self/fd").Length;
        static int Mappings() => File.ReadLines("/proc/self/maps").Count(line => line.Contains("kvm", StringComparison.Ordinal));
    }

    [KvmFact]
    public void Registers_GoThereAndBack()
    {
        using var guest = Guests.That(Doing.Spinning);
        var state = guest.State();
        for (var register = GeneralRegister.Rax; register <= GeneralRegister.R15; register++)
        {
            state[register] = 0x0101_0101_0101_0101ul * (ulong)(register + 1);
        }

        state.Rflags = 0x246;
        guest.Vcpu.SetState(state, StateParts.General | StateParts.System);
        var back = guest.State();
        Assert.Equal(state.Rflags, back.Rflags);
        for (var register = GeneralRegister.Rax; register <= GeneralRegister.R15; register++)
        {
            Assert.Equal(state[register], back[register]);
        }

        foreach (var name in new[] { SegmentName.Cs, SegmentName.Ds, SegmentName.Ss })
        {
            Assert.Equal(state[name], back[name]);
        }

        Assert.Equal((state.Cr0, state.Cr3, state.Cr4, state.Efer, state.ApicBase), (back.Cr0, back.Cr3, back.Cr4, back.Efer, back.ApicBase));
        Assert.Equal((state.Gdtr, state.Idtr), (back.Gdtr, back.Idtr));
    }

    [KvmFact]
    public void DebugAndExtendedRegisters_GoThereAndBack()
    {
        const StateParts Parts = StateParts.Debug | StateParts.Extended;
        using var guest = Guests.That(Doing.Spinning);
        var state = new ProcessorState();
        guest.Vcpu.GetState(state, Parts);
        state.Debug[0] = 0x1000;
        state.Debug[3] = 0x4000;

        // XMM0 in the FXSAVE area, and the header says that SSE is in use.
        state.Extended.Image[160] = 0x5a;
        state.Extended.Image[ExtendedState.XstateBvOffset] |= 3;
        guest.Vcpu.SetState(state, Parts);
        var back = new ProcessorState();
        guest.Vcpu.GetState(back, Parts);
        Assert.Equal((0x1000ul, 0x4000ul), (back.Debug[0], back.Debug[3]));
        Assert.Equal(0x5a, back.Extended.Image[160]);
        Assert.Equal(state.Extended.Xcr0, back.Extended.Xcr0);
    }

    [KvmFact]
    public void Msrs_AreReadAndWrittenOrRefused()
    {
        const uint SysenterEip = 0x176;
        const uint Unknown = 0x12345678;
        using var guest = Guests.That(Doing.Spinning);
        Assert.True(guest.Vcpu.TrySetMsr(SysenterEip, 0x1234));
        Assert.True(guest.Vcpu.TryGetMsr(SysenterEip, out var value));
        Assert.Equal(0x1234ul, value);
        Assert.False(guest.Vcpu.TrySetMsr(Unknown, 1));
        Assert.False(guest.Vcpu.TryGetMsr(Unknown, out value));
        Assert.Equal(0ul, value);
    }

    [KvmTheory]
    [InlineData(0x0000_0400u, true)]
    [InlineData(0x0001_0400u, false)]
    [InlineData(0x0000_0020u, false)]
    public void IoApic_ThatDeliversNmi_IsFound(uint entry, bool expected)
    {
        // mov dword [0xfec00000], 0x16; mov dword [0xfec00010], entry; out 0xf4, al: the low half of pin 3's entry.
        using var guest = new LiveGuest(
            [
                0xc7, 0x05, 0x00, 0x00, 0xc0, 0xfe, 0x16, 0, 0, 0,
                0xc7, 0x05, 0x10, 0x00, 0xc0, 0xfe, .. BitConverter.GetBytes(entry),
                0xe6, 0xf4, 0xeb, 0xfe,
            ]);
        var irqchip = Assert.IsAssignableFrom<IInKernelIrqchip>(guest.Partition);
        Assert.False(irqchip.CanDeliverNonMaskable());
        guest.RunUntilStopped(new Handler { OnPortWrite = (_, _, _) => guest.Vcpu.RequestStop() });
        Assert.Equal(expected, irqchip.CanDeliverNonMaskable());
    }

    [KvmFact]
    public void Lines_TakeAnyOrderOfLevels()
    {
        using var guest = Guests.That(Doing.Spinning);
        var irqchip = (IInKernelIrqchip)guest.Partition;
        Assert.Equal(24, irqchip.LineCount);
        for (var gsi = 0; gsi < irqchip.LineCount; gsi++)
        {
            var line = irqchip.GetLine(gsi);
            line.Set(false);
            line.Set(true);
            line.Set(true);
            line.Set(false);
            Assert.Same(line, irqchip.GetLine(gsi));
        }
    }
}
