namespace HvRunner.Abstractions;

/// <summary>
/// A vCPU whose guest reads host time that went on during a pause, and that can tell the guest so, lest it take the gap for a fault of its own. Found with
/// <c>is</c> on an <see cref="IVcpu"/>.
/// </summary>
public interface IVcpuPauseNotice
{
    /// <summary>The vCPU was held out of its guest and is about to go on. Called on its own thread; never throws, and a guest that cannot be told is not.</summary>
    void NotePause();
}
