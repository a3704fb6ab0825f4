namespace HvRunner.Abstractions;

/// <summary>
/// A hypervisor that gives guests no clock interface of its own, and whose vCPUs' time-stamp counters run on guest time, all at one rate: what a machine needs to
/// give them one. Found with <c>is</c> on an <see cref="IHypervisor"/>; its vCPUs are <see cref="IVcpuTimestamp"/> and <see cref="IVcpuStolenTime"/>.
/// </summary>
public interface IHypervisorTimestamp
{
    /// <summary>Counts a second.</summary>
    long TimestampHz { get; }
}
