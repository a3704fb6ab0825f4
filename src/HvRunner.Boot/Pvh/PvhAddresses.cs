using HvRunner.Abstractions;

namespace HvRunner.Boot.Pvh;

/// <summary>
/// Where hvrun's own boot structures go. All lie in RAM below 1 GiB, because Linux reads them through page tables that map no more. The
/// machine's layout owns the numbers; the defaults are those that Firecracker and Cloud Hypervisor use as well.
/// </summary>
public sealed record PvhAddresses
{
    /// <summary>The global descriptor table, <see cref="PvhGdt.SizeBytes"/> bytes.</summary>
    public GuestAddress Gdt { get; init; } = new(0x500);

    /// <summary>hvm_start_info, 56 bytes.</summary>
    public GuestAddress StartInfo { get; init; } = new(0x6000);

    /// <summary>The module list: one entry of 32 bytes where there is an initrd.</summary>
    public GuestAddress ModuleList { get; init; } = new(0x6040);

    /// <summary>The memory map: 24 bytes an entry.</summary>
    public GuestAddress MemoryMap { get; init; } = new(0x7000);

    /// <summary>The kernel's command line with its NUL.</summary>
    public GuestAddress CommandLine { get; init; } = new(0x20000);

    /// <summary>Room for the command line in bytes, its NUL included.</summary>
    public int CommandLineMaxBytes { get; init; } = 0x10000;

    /// <summary>Every byte of the initrd lies below: the start of the hole for devices, and never above 4 GiB, because Linux takes 32 bits
    /// of its address.</summary>
    public GuestAddress InitrdLimit { get; init; } = new(0xc000_0000);
}
