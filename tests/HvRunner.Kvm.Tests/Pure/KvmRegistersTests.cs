using System.Runtime.InteropServices;
using HvRunner.Abstractions;
using HvRunner.Kvm.Interop;

namespace HvRunner.Kvm.Tests.Pure;

public class KvmRegistersTests
{
    [Fact]
    public void GeneralRegisters_GoThereAndBack()
    {
        Span<kvm_regs> regs = stackalloc kvm_regs[1];
        Number(regs);
        var state = new ProcessorState();
        KvmRegisters.Read(regs[0], state);
        KvmRegisters.Write(state, out var back);
        Assert.Equal(Bytes(regs), Bytes(new Span<kvm_regs>(ref back)));
    }

    [Fact]
    public void GeneralRegisters_LandInTheirOwn()
    {
        var state = new ProcessorState();
        KvmRegisters.Read(
            new kvm_regs { rax = 1, rcx = 2, rdx = 3, rbx = 4, rsp = 5, rbp = 6, rsi = 7, rdi = 8, r8 = 9, r15 = 16, rip = 17, rflags = 18 }, state);
        ulong[] inOrder = [1, 2, 3, 4, 5, 6, 7, 8, 9];
        for (var register = GeneralRegister.Rax; register <= GeneralRegister.R8; register++)
        {
            Assert.Equal(inOrder[(int)register], state[register]);
        }

        Assert.Equal((16ul, 17ul, 18ul), (state[GeneralRegister.R15], state.Rip, state.Rflags));
    }

    [Fact]
    public void Reset_IsKnownByWhereItLeavesTheProcessor()
    {
        var state = new ProcessorState { Rip = 0xfff0, Cr0 = 0x6000_0010 };
        state[SegmentName.Cs] = SegmentRegister.FlatCode32(0xf000) with { Base = 0xffff_0000, Limit = 0xffff };
        Assert.True(KvmRegisters.IsAtReset(state));
        state.Rip = 0xfff5;
        Assert.False(KvmRegisters.IsAtReset(state));
        state.Rip = 0xfff0;
        state.Cr0 |= 1;
        Assert.False(KvmRegisters.IsAtReset(state));
        state.Cr0 = 0;
        state[SegmentName.Cs] = SegmentRegister.FlatCode32(0xf000);
        Assert.False(KvmRegisters.IsAtReset(state));
    }

    [Fact]
    public void SystemRegisters_GoThereAndBackAndLeaveTheInterruptBitmap()
    {
        Span<kvm_sregs> sregs = stackalloc kvm_sregs[1];
        Number(sregs);
        Span<kvm_segment> segments = [sregs[0].cs, sregs[0].ds, sregs[0].es, sregs[0].fs, sregs[0].gs, sregs[0].ss, sregs[0].tr, sregs[0].ldt];
        for (var i = 0; i < segments.Length; i++)
        {
            // Bit fields hold as many bits as they have; a different pattern in each segment.
            segments[i] = segments[i] with
            {
                type = (byte)(i + 3),
                present = Bit(i, 0),
                dpl = (byte)(i & 3),
                db = Bit(i, 1),
                s = Bit(i, 2),
                l = Bit(i + 1, 0),
                g = Bit(i + 1, 1),
                avl = Bit(i + 1, 2),
                unusable = Bit(i + 2, 0),
                padding = 0,
            };
        }

        (sregs[0].cs, sregs[0].ds, sregs[0].es, sregs[0].fs) = (segments[0], segments[1], segments[2], segments[3]);
        (sregs[0].gs, sregs[0].ss, sregs[0].tr, sregs[0].ldt) = (segments[4], segments[5], segments[6], segments[7]);
        sregs[0].efer |= 1 << 10;
        sregs[0].gdt.padding = default;
        sregs[0].idt.padding = default;

        var state = new ProcessorState();
        KvmRegisters.Read(sregs[0], state);
        Span<kvm_sregs> back = stackalloc kvm_sregs[1];
        back.Clear();
        back[0].interrupt_bitmap = sregs[0].interrupt_bitmap;
        KvmRegisters.Write(state, ref back[0]);
        Assert.Equal(Bytes(sregs), Bytes(back));
    }

    [Fact]
    public void Segment_AttributesAreTheDescriptors()
    {
        var state = new ProcessorState();
        var sregs = default(kvm_sregs);
        sregs.cs = new kvm_segment { selector = 8, limit = uint.MaxValue, type = 0xb, s = 1, present = 1, db = 1, g = 1 };
        KvmRegisters.Read(sregs, state);
        Assert.Equal(SegmentRegister.FlatCode32(8), state[SegmentName.Cs]);
    }

    [Theory]
    [InlineData(1 << 8, 0)]
    [InlineData((1 << 8) | (1 << 10), 1)]
    public void Write_KeepsCodeSegmentsLongBitInLongModeAlone(ulong efer, byte expected)
    {
        var state = new ProcessorState { Efer = efer };
        state[SegmentName.Cs] = SegmentRegister.FlatCode32(8) with { Attributes = 0xa09b };
        var sregs = default(kvm_sregs);
        KvmRegisters.Write(state, ref sregs);
        Assert.Equal(expected, sregs.cs.l);
    }

    /// <summary>A bit that the native structure carries as a whole byte.</summary>
    private static byte Bit(int number, int bit) => (byte)((number >> bit) & 1);

    private static void Number<T>(Span<T> value)
        where T : unmanaged
    {
        var bytes = MemoryMarshal.AsBytes(value);
        for (var i = 0; i < bytes.Length; i++)
        {
            bytes[i] = (byte)((i * 37) + 1);
        }
    }

    private static byte[] Bytes<T>(Span<T> value)
        where T : unmanaged => MemoryMarshal.AsBytes(value).ToArray();
}
