using HvRunner.Abstractions;
using HvRunner.Instructions;

namespace HvRunner.Soft.Tests;

/// <summary>Model-specific registers.</summary>
public sealed class MsrTests
{
    private readonly ProcessorState _state = new();
    private long _nowNs = 5_000;

    private SoftMsrs New() => new(_state, () => _nowNs, originNs: 5_000);

    [Fact]
    public void TimestampCounter_StartsAtZeroAndCountsNanoseconds()
    {
        var msrs = New();
        Assert.Equal(0ul, msrs.Timestamp);
        _nowNs += 250;
        Assert.Equal(250ul, msrs.Timestamp);
    }

    [Fact]
    public void TscAdjust_FollowsWritesToTheCounter()
    {
        var msrs = New();
        Assert.Equal(MsrWrite.Taken, msrs.TryWrite(0x10, 1_000));
        Assert.True(msrs.TryRead(0x3b, out var adjust));
        Assert.Equal(1_000ul, adjust);
        Assert.Equal(MsrWrite.Taken, msrs.TryWrite(0x3b, 0));
        Assert.Equal(0ul, msrs.Timestamp);
    }

    [Theory]
    [InlineData(0ul, 5_000L)]
    [InlineData(400ul, 5_400L)]
    [InlineData(ulong.MaxValue, long.MaxValue)]
    public void Deadline_IsWhenTheCounterGetsThere(ulong timestamp, long deadline) => Assert.Equal(deadline, New().DeadlineNs(timestamp));

    [Theory]
    [InlineData(0xc000_0082u)]
    [InlineData(0xc000_0102u)]
    [InlineData(0x176u)]
    [InlineData(0xc000_0100u)]
    public void Address_HasToBeCanonical(uint index)
    {
        var msrs = New();
        Assert.Equal(MsrWrite.Refused, msrs.TryWrite(index, 0x8000_0000_0000_0000));
        Assert.Equal(MsrWrite.Taken, msrs.TryWrite(index, 0xffff_8000_0000_0000));
        Assert.True(msrs.TryRead(index, out var value));
        Assert.Equal(0xffff_8000_0000_0000, value);
    }

    [Theory]
    [InlineData(0x277u, 0x0007_0406_0007_0406ul, true)]
    [InlineData(0x277u, 2ul, false)]
    [InlineData(0x2ffu, 0xc06ul, true)]
    [InlineData(0x2ffu, 0xc07ul, false)]
    [InlineData(0x2ffu, 0x1000ul, false)]
    [InlineData(0x200u, 0x8000_0006ul, true)]
    [InlineData(0x200u, 0x8000_0106ul, false)]
    [InlineData(0x201u, 0x3fff_8000_0800ul, true)]
    [InlineData(0x201u, 0x7fff_8000_0800ul, false)]
    [InlineData(0x250u, 0x0606_0606_0606_0606ul, true)]
    [InlineData(0x26fu, 7ul, false)]
    [InlineData(0xfeu, 0x508ul, false)]
    public void MemoryTypes_AreChecked(uint index, ulong value, bool taken)
    {
        var msrs = New();
        Assert.Equal(taken ? MsrWrite.Taken : MsrWrite.Refused, msrs.TryWrite(index, value));
        Assert.True(msrs.TryRead(index, out var read));
        Assert.True(!taken || read == value);
    }

    [Fact]
    public void UnknownRegister_IsNobodysHere()
    {
        var msrs = New();
        Assert.False(msrs.TryRead(0x6e0, out _));
        Assert.Equal(MsrWrite.Unknown, msrs.TryWrite(0x6e0, 0));
        Assert.Equal(MsrWrite.Unknown, msrs.TryWrite(SoftMsrs.ApicBase, 0));
    }

    [Fact]
    public void PowerOn_IsWhatTheManualSays()
    {
        PowerOnState.Apply(_state, isBootstrap: true);
        Assert.True(New().TryRead(SoftMsrs.ApicBase, out var apicBase));
        Assert.Equal(0xfee0_0900ul, apicBase);
        Assert.Equal((0xfff0ul, 0xffff_0000ul), (_state.Rip, _state[SegmentName.Cs].Base));
    }
}
