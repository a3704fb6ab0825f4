using HvRunner.Abstractions;
using HvRunner.Kvm.Interop;

namespace HvRunner.Kvm.Tests.Pure;

public class KvmCpuidTests
{
    [Theory]
    [InlineData(true, KvmConstants.KVM_CPUID_FLAG_SIGNIFCANT_INDEX)]
    [InlineData(false, 0u)]
    public void Leaf_LandsInItsOwnFields(bool hasIndex, uint flags)
    {
        var native = KvmCpuid.ToNative(new CpuidLeaf(1, 2, hasIndex, 3, 4, 5, 6));
        Assert.Equal((1u, 2u, flags), (native.function, native.index, native.flags));
        Assert.Equal((3u, 4u, 5u, 6u), (native.eax, native.ebx, native.ecx, native.edx));
    }

    /// <summary>What needs KVM's own local APIC is not there without it; the clock is, and what the machine's local APICs have: the deadline where KVM passes its register on.</summary>
    [Theory]
    [InlineData(true, 1u << 24)]
    [InlineData(false, 0u)]
    public void WithoutApic_OnlyWhatIsTrueIsLeft(bool tscDeadline, uint expected)
    {
        const uint Clock = (1 << 0) | (1 << 3) | (1 << 24);
        IReadOnlyList<CpuidLeaf> supported =
        [
            new(1, 0, false, 1, 2, (1 << 3) | (1 << 24), 4),
            new(7, 0, true, 5, 6, uint.MaxValue, 8),
            new(0x4000_0001, 0, false, Clock | (1 << 4) | (1 << 6) | (1 << 7) | (1 << 10) | (1 << 11) | (1 << 12) | (1 << 13) | (1 << 14) | (1 << 15), 0, 0, 1),
        ];
        Assert.Equal(
            [
                new CpuidLeaf(1, 0, false, 1, 2, expected | (1 << 21) | (1 << 3), 4),
                supported[1],
                new CpuidLeaf(0x4000_0001, 0, false, Clock, 0, 0, 1),
            ],
            KvmCpuid.WithoutApic(supported, new UserModeFindings(tscDeadline, CounterMoves: true, WindowsSeen: true)));
    }

    /// <summary>Bit 1 of leaf 7, where RDTSC shows the host's counter whatever the guest writes.</summary>
    [Fact]
    public void WithoutApic_TscAdjustIsThereWhereTheCounterMoves()
    {
        IReadOnlyList<CpuidLeaf> supported = [new(7, 0, true, 5, 0xf, 7, 8), new(7, 1, true, 5, 0xf, 7, 8)];
        Assert.Equal(
            [new CpuidLeaf(7, 0, true, 5, 0xd, 7, 8), supported[1]],
            KvmCpuid.WithoutApic(supported, new UserModeFindings(DeadlinePassedOn: true, CounterMoves: false, WindowsSeen: true)));
    }

    [Theory]
    [InlineData(0u, false, 0u)]
    [InlineData(0u, true, 1u << 24)]
    [InlineData(1u << 24, false, 1u << 24)]
    [InlineData(1u << 24, true, 1u << 24)]
    public void WithApic_TheCapabilityAddsTheDeadline(uint listed, bool capability, uint expected)
    {
        IReadOnlyList<CpuidLeaf> supported = [new(0, 0, false, 1, 2, 3, 4), new(1, 0, false, 1, 2, listed | 5, 4), new(7, 0, true, 5, 6, 7, 8)];
        Assert.Equal([supported[0], new CpuidLeaf(1, 0, false, 1, 2, expected | 5, 4), supported[2]], KvmCpuid.WithApic(supported, capability));
    }

    [Theory]
    [InlineData(7u, 0u, 2u, true)]
    [InlineData(7u, 0u, ~2u, false)]
    [InlineData(7u, 1u, 2u, false)]
    [InlineData(6u, 0u, 2u, false)]
    public void TscAdjust_IsABitOfLeaf7(uint function, uint index, uint ebx, bool expected) =>
        Assert.Equal(expected, KvmCpuid.HasTscAdjust([new(function, index, true, 0, ebx, 0, 0)]));
}
