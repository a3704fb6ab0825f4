using HvRunner.Abstractions;
using HvRunner.Boot.Pvh;

namespace HvRunner.Boot.Tests.Pvh;

public class PvhEntryStateTests
{
    private static ProcessorState Applied()
    {
        // Every register starts out wrong.
        var state = new ProcessorState { Rflags = ulong.MaxValue, Cr0 = 0xe0000011, Cr2 = 1, Cr3 = 2, Cr4 = 3, Cr8 = 4, Efer = 0xd01, ApicBase = 0xfee00900 };
        for (var i = 0; i < 16; i++)
        {
            state.General[i] = ulong.MaxValue;
        }

        PvhEntryState.Apply(state, 0x100020, 0x6000, new PvhAddresses());
        return state;
    }

    [Fact]
    public void General_OnlyEbxHasAMeaning()
    {
        var state = Applied();
        for (var register = GeneralRegister.Rax; register <= GeneralRegister.R15; register++)
        {
            Assert.Equal(register == GeneralRegister.Rbx ? 0x6000ul : 0, state[register]);
        }

        Assert.Equal(0x100020ul, state.Rip);
        Assert.Equal(2ul, state.Rflags);
    }

    [Fact]
    public void Control_ProtectedModeWithoutPaging()
    {
        var state = Applied();
        Assert.Equal((0x11ul, 0ul, 0ul, 0ul, 0ul, 0ul), (state.Cr0, state.Cr2, state.Cr3, state.Cr4, state.Cr8, state.Efer));
        Assert.Equal(0xfee00900ul, state.ApicBase);
    }

    [Fact]
    public void Segments_CodeIsFlat32BitReadExecute()
    {
        var code = Applied()[SegmentName.Cs];
        Assert.Equal((0ul, uint.MaxValue, 0xb, 0), (code.Base, code.Limit, code.Type, code.Dpl));
        Assert.True(code is { IsCodeOrData: true, Present: true, Default32: true, Long: false, Granular: true, Unusable: false });
    }

    [Theory]
    [InlineData(SegmentName.Ds)]
    [InlineData(SegmentName.Es)]
    [InlineData(SegmentName.Ss)]
    [InlineData(SegmentName.Fs)]
    [InlineData(SegmentName.Gs)]
    public void Segments_DataIsFlat32BitReadWrite(SegmentName name)
    {
        var data = Applied()[name];
        Assert.Equal((0ul, uint.MaxValue, 0x3, 0), (data.Base, data.Limit, data.Type, data.Dpl));
        Assert.True(data is { IsCodeOrData: true, Present: true, Default32: true, Granular: true, Unusable: false });
    }

    [Fact]
    public void TaskRegister_IsABusy32BitTssAt0()
    {
        var task = Applied()[SegmentName.Tr];
        Assert.Equal((0ul, 0x67u, 0xb, 0), (task.Base, task.Limit, task.Type, task.Dpl));
        Assert.True(task is { IsCodeOrData: false, Present: true, Granular: false, Unusable: false });
    }

    [Fact]
    public void Tables_AreTheWrittenGdtAnEmptyIdtAndNoLdt()
    {
        var state = Applied();
        Assert.Equal(new DescriptorTableRegister(0x500, 31), state.Gdtr);
        Assert.Equal(new DescriptorTableRegister(0, 0), state.Idtr);
        Assert.True(state[SegmentName.Ldtr].Unusable);
    }

    [Fact]
    public void Msrs_MemoryIsWriteBackAndEachIsNamedOnce()
    {
        Assert.Contains((0x2ffu, 0x806ul), PvhEntryState.Msrs);
        Assert.Contains((0x1a0u, 1ul), PvhEntryState.Msrs);
        Assert.Equal(PvhEntryState.Msrs.Count, PvhEntryState.Msrs.Select(msr => msr.Index).Distinct().Count());
    }
}
