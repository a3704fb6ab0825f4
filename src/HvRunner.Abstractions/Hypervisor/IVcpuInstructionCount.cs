namespace HvRunner.Abstractions;

/// <summary>A vCPU that counts the instructions of its guest, which a processor in software does and a host's processor does not. Found with <c>is</c> on an <see cref="IVcpu"/>.</summary>
public interface IVcpuInstructionCount
{
    /// <summary>Instructions since the vCPU was made: a recent value, a millisecond of running old at most, that never goes back. Any thread; never throws.</summary>
    long InstructionsRetired { get; }
}
