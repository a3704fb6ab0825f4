namespace HvRunner.Chipset.Paravirtual;

/// <summary>The registers of the interface (Linux, Documentation/virt/kvm/x86/msr.rst) and their bits.</summary>
internal static class PvClockMsrs
{
    /// <summary>MSR_KVM_WALL_CLOCK, whose write fills a structure, and its number of old.</summary>
    internal const uint WallClock = 0x4b56_4d00;

    /// <summary>MSR_KVM_SYSTEM_TIME, one a vCPU, and its number of old.</summary>
    internal const uint SystemTime = 0x4b56_4d01;

    /// <summary>MSR_KVM_STEAL_TIME, one a vCPU.</summary>
    internal const uint StealTime = 0x4b56_4d03;

    /// <summary>The deprecated number of <see cref="WallClock"/>.</summary>
    internal const uint OldWallClock = 0x11;

    /// <summary>The deprecated number of <see cref="SystemTime"/>.</summary>
    internal const uint OldSystemTime = 0x12;

    /// <summary>Bit 0 of <see cref="SystemTime"/> and <see cref="StealTime"/>; the rest is an address.</summary>
    internal const ulong Enable = 1;

    /// <summary>Bits of <see cref="StealTime"/> that must be 0: its structure is aligned to 64 bytes.</summary>
    internal const ulong StealTimeReserved = 0x3e;
}
