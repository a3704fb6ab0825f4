using HvRunner.Abstractions;
using HvRunner.Kvm;
using HvRunner.Soft;

namespace HvRunner.Bench;

/// <summary>The hypervisors by the names of the command line.</summary>
internal static class Hypervisors
{
    internal static IHypervisor Open(string name) => name switch
    {
        "kvm" => KvmHypervisor.Open(),
        SoftHypervisor.ShortName => new SoftHypervisor(),
        _ => throw new ArgumentException($"expected kvm or soft, found '{name}'", nameof(name)),
    };
}
