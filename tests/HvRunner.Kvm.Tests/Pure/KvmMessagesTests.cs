using HvRunner.Abstractions;

namespace HvRunner.Kvm.Tests.Pure;

/// <summary>KVM takes any message: what none can ask for must not reach it.</summary>
public class KvmMessagesTests
{
    [Theory]
    [InlineData(0xfee0_0000ul, 0x4034u, true)]
    [InlineData(0xfeef_f00cul, 0x0034u, true)]
    [InlineData(0xfee0_0000ul, 0xc034u, true)]
    [InlineData(0xfee0_0000ul, 0x8034u, false)]
    [InlineData(0xfed0_0000ul, 0x4034u, false)]
    [InlineData(0x1_fee0_0000ul, 0x4034u, false)]
    [InlineData(0ul, 0u, false)]
    public void Message_GoesToTheWindowAndIsAsserted(ulong address, uint data, bool expected) =>
        Assert.Equal(expected, KvmMessages.IsMessage(new MsiMessage(address, data)));

    [Fact]
    public void Mode_IsOneThatADeviceHas() =>
        Assert.Equal([0u, 1u, 2u, 4u, 5u], Enumerable.Range(0, 8).Select(mode => (uint)mode).Where(mode => KvmMessages.IsMessage(new MsiMessage(0xfee0_0000, 0x4034 | (mode << 8)))));
}
