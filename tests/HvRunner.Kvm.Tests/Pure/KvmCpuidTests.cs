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

    /// <summary>What needs KVM's own local APIC, or says when its timer fires, is not there without it; the clock is.</summary>
    [Fact]
    public void WithoutApic_OnlyWhatIsTrueIsLeft()
    {
        const uint Clock = (1 << 0) | (1 << 3) | (1 << 24);
        IReadOnlyList<CpuidLeaf> supported =
        [
            new(1, 0, false, 1, 2, (1 << 24) | (1 << 3), 4),
            new(7, 0, true, 5, 6, uint.MaxValue, 8),
            new(0x4000_0001, 0, false, Clock | (1 << 4) | (1 << 6) | (1 << 7) | (1 << 10) | (1 << 11) | (1 << 12) | (1 << 13) | (1 << 14) | (1 << 15), 0, 0, 1),
        ];
        Assert.Equal(
            [
                new CpuidLeaf(1, 0, false, 1, 2, (1 << 21) | (1 << 3), 4),
                supported[1],
                new CpuidLeaf(0x4000_0001, 0, false, Clock, 0, 0, 1),
            ],
            KvmCpuid.WithoutApic(supported));
    }
}
