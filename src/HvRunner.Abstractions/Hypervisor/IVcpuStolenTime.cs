namespace HvRunner.Abstractions;

/// <summary>A vCPU that can say how long it would have run and could not, because others had the host's processor. Found with <c>is</c> on an <see cref="IVcpu"/>.</summary>
public interface IVcpuStolenTime
{
    /// <summary>Nanoseconds of guest time since the machine's start; never goes back. On the vCPU's thread.</summary>
    long StolenNs { get; }
}
