using System.Buffers.Binary;
using HvRunner.Abstractions;
using static HvRunner.Hardware.Tests.Guest.GuestLayout;

namespace HvRunner.Hardware.Tests.Guest;

/// <summary>The guest's memory and registers before its first instruction: long mode, ring 3 at the loop. Both processors start from here.</summary>
internal static class GuestSetup
{
    /// <summary>RAM with tables, loop and stubs.</summary>
    /// <param name="hasTopPage">The page at the end of canonical addresses is mapped.</param>
    public static byte[] Ram(bool hasTopPage = true)
    {
        var ram = new byte[RamBytes];
        PageMap.Write(ram, hasTopPage);
        LoopCode.Write(ram);
        void Put(ulong address, ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(ram.AsSpan((int)address), value);
        Put(Gdt + SupervisorCode, 0x00af_9b00_0000_ffff);
        Put(Gdt + SupervisorData, 0x00cf_9300_0000_ffff);
        Put(Gdt + 0x20, 0x00cf_fb00_0000_ffff);
        Put(Gdt + 0x28, 0x00cf_f300_0000_ffff);
        Put(Gdt + 0x30, 0x00af_fb00_0000_ffff);
        Put(Gdt + TaskState, 0x0000_8b00_0000_0067 | (Tss << 16));
        Put(Tss + 4, SupervisorStackTop);

        // The I/O permission map begins beyond the segment's limit: ring 3 may reach no port.
        Put(Tss + 0x60, 0x0068_0000_0000_0000);
        for (var vector = 0; vector < LoopCode.Vectors; vector++)
        {
            var stub = Stubs + (ulong)(vector * LoopCode.StubBytes);
            Put(Idt + (ulong)(vector * 16), (stub & 0xffff) | ((ulong)SupervisorCode << 16) | (0xee00UL << 32) | (stub >> 16 << 48));
        }

        return ram;
    }

    /// <summary>Registers; the general ones are the loop's own business.</summary>
    public static void Registers(ProcessorState state)
    {
        state.Cr0 = 0x8005_0033;
        state.Cr3 = Tables;
        state.Cr4 = 0x5_0620;
        state.Efer = 0xd01;
        state.Gdtr = new DescriptorTableRegister(Gdt, 0x4f);
        state.Idtr = new DescriptorTableRegister(Idt, (16 * LoopCode.Vectors) - 1);
        state[SegmentName.Cs] = new SegmentRegister { Selector = UserCode, Limit = uint.MaxValue, Attributes = 0xa0fb };
        state[SegmentName.Ss] = new SegmentRegister { Selector = UserData, Limit = uint.MaxValue, Attributes = 0xc0f3 };
        foreach (var name in new[] { SegmentName.Ds, SegmentName.Es, SegmentName.Fs, SegmentName.Gs })
        {
            state[name] = SegmentRegister.Null;
        }

        state[SegmentName.Tr] = new SegmentRegister { Selector = TaskState, Base = Tss, Limit = 0x67, Attributes = 0x8b };
        state[SegmentName.Ldtr] = SegmentRegister.Null;
        state.Rip = Loop;
        state.Rflags = 0x202;
        state.Extended.Reset();
        state.Extended.Image[ExtendedState.XstateBvOffset] = 3;
        state.Extended.Xcr0 = 3;
    }
}
