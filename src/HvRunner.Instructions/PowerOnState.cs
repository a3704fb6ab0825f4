using HvRunner.Abstractions;

namespace HvRunner.Instructions;

/// <summary>A processor's registers after power-on and after INIT (SDM vol. 3A, table 9-1); a boot protocol changes what it needs to. Any thread.</summary>
public static class PowerOnState
{
    private const ulong ApicBaseAddress = 0xfee0_0000;
    private const ulong ApicBootstrap = 0x100;

    private const ulong ApicEnabled = 0x800;

    // CR0.ET, and CR0.CD with CR0.NW.
    private const ulong ExtensionType = 0x10;

    private const ulong CacheControls = 0x6000_0000;

    /// <summary>After power-on.</summary>
    /// <param name="state">All of it is set.</param>
    /// <param name="isBootstrap">It is the bootstrap processor, as IA32_APIC_BASE says.</param>
    public static void Apply(ProcessorState state, bool isBootstrap)
    {
        ApplyInit(state);
        state.Cr0 = CacheControls | ExtensionType;
        state.ApicBase = ApicBaseAddress | ApicEnabled | (isBootstrap ? ApicBootstrap : 0);
        state.Extended.Reset();
        state.Extended.Xcr0 = 1;
    }

    /// <summary>After INIT, which keeps x87, SSE and AVX state, XCR0, the cache controls in CR0, and the local APIC's place.</summary>
    public static void ApplyInit(ProcessorState state)
    {
        ((Span<ulong>)state.General).Clear();
        state.Rip = 0xfff0;
        state.Rflags = 2;
        for (var name = SegmentName.Es; name <= SegmentName.Gs; name++)
        {
            state[name] = new SegmentRegister { Limit = 0xffff, Attributes = 0x93 };
        }

        state[SegmentName.Cs] = new SegmentRegister { Selector = 0xf000, Base = 0xffff_0000, Limit = 0xffff, Attributes = 0x9b };
        state[SegmentName.Ldtr] = new SegmentRegister { Limit = 0xffff, Attributes = 0x82 };
        state[SegmentName.Tr] = new SegmentRegister { Limit = 0xffff, Attributes = 0x8b };
        state.Gdtr = new DescriptorTableRegister(0, 0xffff);
        state.Idtr = new DescriptorTableRegister(0, 0xffff);
        state.Cr0 = (state.Cr0 & CacheControls) | ExtensionType;
        state.Cr2 = 0;
        state.Cr3 = 0;
        state.Cr4 = 0;
        state.Cr8 = 0;
        state.Efer = 0;
        ((Span<ulong>)state.Debug).Clear();
        state.Debug[6] = 0xffff_0ff0;
        state.Debug[7] = 0x400;
    }
}
