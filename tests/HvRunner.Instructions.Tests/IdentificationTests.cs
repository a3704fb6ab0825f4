using System.Text;
using HvRunner.Abstractions;
using static Iced.Intel.AssemblerRegisters;

namespace HvRunner.Instructions.Tests;

/// <summary>CPUID, time, random numbers, hypercalls, counters, and the software processor's own description.</summary>
public class IdentificationTests
{
    [Fact]
    public void Cpuid_FollowsOsxsave()
    {
        var guest = GuestProcessor.Long();
        guest.Facts.Cpuid = SoftwareCpuid.Leaves;
        guest[GeneralRegister.Rax] = 1;
        guest.Complete(a => a.cpuid());
        Assert.NotEqual(0UL, guest[GeneralRegister.Rcx] & (1 << 27));
        guest.State.Cr4 &= ~(1UL << 18);
        guest[GeneralRegister.Rax] = 1;
        guest.Complete(a => a.cpuid());
        Assert.Equal(0UL, guest[GeneralRegister.Rcx] & (1 << 27));
    }

    [Theory]
    [InlineData(1UL, 576UL)]
    [InlineData(7UL, 832UL)]
    [InlineData(0xe7UL, 2432UL)]
    public void Cpuid_SizesTheImageByXcr0(ulong xcr0, ulong size)
    {
        var guest = GuestProcessor.Long();
        guest.State.Extended.Xcr0 = xcr0;
        guest[GeneralRegister.Rax] = 0xd;
        guest[GeneralRegister.Rcx] = 0;
        guest.Complete(a => a.cpuid());
        Assert.Equal((size, 2696UL), (guest[GeneralRegister.Rbx], guest[GeneralRegister.Rcx]));
    }

    [Fact]
    public void SoftwareCpuid_NamesItself()
    {
        var text = new StringBuilder();
        foreach (var leaf in SoftwareCpuid.Leaves.Where(leaf => leaf.Function is >= 0x80000002 and <= 0x80000004))
        {
            foreach (var register in new[] { leaf.Eax, leaf.Ebx, leaf.Ecx, leaf.Edx })
            {
                text.Append(Encoding.ASCII.GetString(BitConverter.GetBytes(register)));
            }
        }

        Assert.Equal("hvrun software processor", text.ToString().TrimEnd('\0'));
    }

    [Fact]
    public void SoftwareCpuid_HasLeavesUpToItsMaxima()
    {
        var leaves = SoftwareCpuid.Leaves;
        Assert.Equal(leaves.Where(leaf => leaf.Function < 0x80000000).Max(leaf => leaf.Function), leaves[0].Eax);
        Assert.Equal(leaves.Max(leaf => leaf.Function), leaves.Single(leaf => leaf.Function == 0x80000000).Eax);
        Assert.Equal("AuthenticAMD", string.Concat(new[] { leaves[0].Ebx, leaves[0].Edx, leaves[0].Ecx }.Select(part => Encoding.ASCII.GetString(BitConverter.GetBytes(part)))));
    }

    [Fact]
    public void SoftwareCpuid_RepeatsSharedBitsOnly()
    {
        // AMD's copy holds no SEP, CLFSH, SSE or SSE2: those positions mean other things there.
        var basic = SoftwareCpuid.Leaves.Single(leaf => leaf.Function == 1);
        var extended = SoftwareCpuid.Leaves.Single(leaf => leaf.Function == 0x80000001);
        Assert.Equal(0x0600_0000u, basic.Edx & 0x0600_0000);
        Assert.Equal(basic.Edx & 0x0182_a37f, extended.Edx & 0x0182_a37f);
        Assert.Equal(0x2c10_0800u, extended.Edx & 0xfe18_0800);
    }

    [Fact]
    public void RdrandAndRdseed_SetCarryAlone()
    {
        var guest = GuestProcessor.Long();
        guest.State.Rflags = 0x8d6;
        guest.Complete(a => a.rdrand(ebx));
        Assert.Equal((0x5566_7788UL, 3UL), (guest[GeneralRegister.Rbx], guest.State.Rflags));
        guest.Complete(a => a.rdseed(rbx));
        Assert.Equal(0x1122_3344_5566_7788UL, guest[GeneralRegister.Rbx]);
    }

    [Fact]
    public void Hypercall_IsTheHostsOrUndefined()
    {
        var guest = GuestProcessor.Long();
        guest.Fault(6, null, a => a.vmcall());
        guest.Facts.Hypercall = 77;
        guest.Complete(a => a.vmmcall());
        Assert.Equal(77UL, guest[GeneralRegister.Rax]);
    }

    [Fact]
    public void Rdpmc_ReadsCountersOfTheHost()
    {
        var guest = GuestProcessor.Long(3);
        guest.Facts.Msrs[0xc2] = 0x1_0000_0002;
        guest[GeneralRegister.Rcx] = 1;
        guest.Fault(13, 0, a => a.rdpmc());
        guest.State.Cr4 |= 0x100;
        guest.Complete(a => a.rdpmc());
        Assert.Equal((2UL, 1UL), (guest[GeneralRegister.Rax], guest[GeneralRegister.Rdx]));
        guest[GeneralRegister.Rcx] = 2;
        guest.Fault(13, 0, a => a.rdpmc());
    }

    [Fact]
    public void Mwait_CompletesWithoutSleeping()
    {
        var guest = GuestProcessor.Long();
        var completion = guest.Run(a => a.mwait());
        Assert.Equal((CompletionKind.Completed, false), (completion.Kind, completion.Halted));
        Assert.True(guest.Run(a => a.hlt()).Halted);
    }

    [Fact]
    public void Endbr_OnAProcessorWithoutIt_IsANop()
    {
        var guest = GuestProcessor.Long(options: ExecutorOptions.FeatureGating);
        guest.Facts.Cpuid = SoftwareCpuid.Leaves;
        guest.Complete(a => a.endbr64());
        guest.Fault(6, null, a => a.vpaddd(ymm0, ymm1, ymm2));
    }
}
