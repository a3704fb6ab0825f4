namespace HvRunner.Chipset.Apic;

/// <summary>Who hears a local APIC's EOI broadcast: the IO-APICs.</summary>
public interface IEndOfInterruptSink
{
    /// <summary>A level-triggered interrupt of this vector was ended. Called on the vCPU's thread with no lock of the APIC held.</summary>
    void EndOfInterrupt(byte vector);
}
