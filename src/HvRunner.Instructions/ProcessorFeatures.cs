using HvRunner.Abstractions;

namespace HvRunner.Instructions;

/// <summary>
/// What CPUID tells this guest about address widths and about the XSAVE layout (SDM vol. 1, 13.2), read once: CPUID is fixed before a vCPU
/// first runs. Bits of control registers follow it always, instructions only with <see cref="ExecutorOptions.FeatureGating"/>: some
/// hypervisors show the guest what the hardware has whatever is set.
/// </summary>
internal sealed class ProcessorFeatures
{
    /// <summary>Components that the layout table covers: bits 0 to 31 of XCR0 and IA32_XSS.</summary>
    public const int ComponentCount = 32;

    private readonly XsaveComponent[] _components = new XsaveComponent[ComponentCount];

    /// <summary>Physical address bits at and above this one are reserved in page-table entries.</summary>
    public ulong PhysicalAddressMask { get; private set; } = (1UL << 46) - 1;

    /// <summary>XCR0 bits that XSETBV may set.</summary>
    public ulong SupportedXcr0 { get; private set; } = 3;

    /// <summary>Bits that IA32_XSS may hold.</summary>
    public ulong SupportedXss { get; private set; }

    /// <summary>Bits that CR4 may hold.</summary>
    public ulong SupportedCr4 { get; private set; } = FeatureGate.Cr4Bits(default, default, true);

    /// <summary>Bits that EFER may hold, besides LMA.</summary>
    public ulong SupportedEfer { get; private set; } = ControlBit.EferSce | ControlBit.EferLme | ControlBit.EferNxe;

    /// <summary>
    /// CPUID's vendor is Intel's. The one place where the makers' differences are decided, for SYSCALL, SYSRET, SYSENTER and SYSEXIT; every other
    /// vendor counts as AMD.
    /// </summary>
    public bool FollowsIntel { get; private set; }

    /// <summary>One bit for each of Iced's codes: its features are advertised. Null unless instructions are gated.</summary>
    public ulong[]? Permitted { get; private set; }

    /// <summary>Where a component lies; size 0 when the guest has no such component.</summary>
    public ref readonly XsaveComponent Component(int index) => ref _components[index];

    public static ProcessorFeatures Read<THost>(ref THost host, bool gates = false)
        where THost : struct, IProcessorHost
    {
        var features = new ProcessorFeatures();
        if (host.TryGetCpuid(0x80000008, 0, out var address) && (address.Eax & 0xff) is >= 32 and <= 52)
        {
            features.PhysicalAddressMask = (1UL << (int)(address.Eax & 0xff)) - 1;
        }

        features.ReadControlBits(ref host);
        if (gates)
        {
            features.Permitted = FeatureGate.ReadPermitted(ref host);
        }

        // x87 and SSE share the legacy area; the table names their parts for completeness only.
        features._components[0] = new XsaveComponent(160, 0, false, false);
        features._components[1] = new XsaveComponent(256, 160, false, false);
        if (!host.TryGetCpuid(0xd, 0, out var main))
        {
            return features;
        }

        features.SupportedXcr0 = ((ulong)main.Edx << 32) | main.Eax;
        if (host.TryGetCpuid(0xd, 1, out var extended))
        {
            features.SupportedXss = ((ulong)extended.Edx << 32) | extended.Ecx;
        }

        for (var i = 2; i < ComponentCount; i++)
        {
            if (host.TryGetCpuid(0xd, (uint)i, out var leaf) && leaf.Eax != 0 && leaf.Eax <= ExtendedState.ImageSizeBytes)
            {
                var supervisor = (leaf.Ecx & 1) != 0;
                var fits = !supervisor && leaf.Ebx >= 576 && leaf.Ebx <= ExtendedState.ImageSizeBytes - leaf.Eax;
                if (fits || supervisor)
                {
                    features._components[i] = new XsaveComponent((int)leaf.Eax, (int)leaf.Ebx, supervisor, (leaf.Ecx & 2) != 0);
                }
            }
        }

        return features;
    }

    private void ReadControlBits<THost>(ref THost host)
        where THost : struct, IProcessorHost
    {
        if (host.TryGetCpuid(0, 0, out var vendor))
        {
            // "Genu", "ineI", "ntel".
            FollowsIntel = (vendor.Ebx, vendor.Edx, vendor.Ecx) == (0x756e_6547, 0x4965_6e69, 0x6c65_746e);
        }

        if (host.TryGetCpuid(1, 0, out var basic))
        {
            host.TryGetCpuid(7, 0, out var structured);
            SupportedCr4 = FeatureGate.Cr4Bits(basic, structured, false);
        }

        if (host.TryGetCpuid(0x80000001, 0, out var extended))
        {
            SupportedEfer = ((extended.Edx & (1 << 11)) != 0 ? ControlBit.EferSce : 0) |
                ((extended.Edx & (1 << 29)) != 0 ? ControlBit.EferLme : 0) |
                ((extended.Edx & (1 << 20)) != 0 ? ControlBit.EferNxe : 0);
        }
    }
}

/// <summary>One component of the XSAVE layout: CPUID leaf 0xD, sub-leaf 2 and up.</summary>
/// <param name="SizeBytes">Size; 0 when absent.</param>
/// <param name="Offset">Offset in the standard format; 0 for a supervisor component, which has none.</param>
/// <param name="IsSupervisor">Enabled by IA32_XSS instead of XCR0.</param>
/// <param name="IsAligned">Starts on a 64-byte boundary in the compacted format.</param>
internal readonly record struct XsaveComponent(int SizeBytes, int Offset, bool IsSupervisor, bool IsAligned);
