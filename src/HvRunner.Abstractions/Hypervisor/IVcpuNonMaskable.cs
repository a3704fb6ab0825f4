namespace HvRunner.Abstractions;

/// <summary>
/// A vCPU that takes an NMI from outside, where its local APIC lives in the hypervisor. Found with <c>is</c> on an <see cref="IVcpu"/>; a local APIC of the machine's
/// own hands its NMIs over by <see cref="EntryEvents"/>.
/// </summary>
public interface IVcpuNonMaskable
{
    /// <summary>
    /// Makes an NMI pending, whatever the local APIC's entries say, and wakes the vCPU. Several before it is taken may be one. Any thread; what the host refuses
    /// ends <see cref="IVcpu.Run"/> with a <see cref="HypervisorException"/>.
    /// </summary>
    void InjectNonMaskable();
}
