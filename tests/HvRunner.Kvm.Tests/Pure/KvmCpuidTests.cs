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
}
