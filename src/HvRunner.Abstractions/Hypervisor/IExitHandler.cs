namespace HvRunner.Abstractions;

/// <summary>
/// What a vCPU needs from the machine while it runs; one per vCPU, called on that vCPU's thread between two entries of the guest. Data is a
/// span in place: nothing is copied, nothing may allocate, and no span may be kept. Widths and addresses are the guest's and may be anything
/// that the processor can produce.
/// </summary>
public interface IExitHandler
{
    /// <summary>IN or INS: fill <paramref name="data"/>, whose length is a multiple of <paramref name="elementSize"/> (1, 2 or 4 bytes); each element is one access to the same port.</summary>
    void PortRead(ushort port, int elementSize, Span<byte> data);

    /// <summary>OUT or OUTS: as <see cref="PortRead"/>, the other way.</summary>
    void PortWrite(ushort port, int elementSize, ReadOnlySpan<byte> data);

    /// <summary>A read of 1 to 8 bytes where there is no RAM; fill <paramref name="data"/>.</summary>
    void MmioRead(GuestAddress address, Span<byte> data);

    /// <summary>A write of 1 to 8 bytes where there is no writable RAM.</summary>
    void MmioWrite(GuestAddress address, ReadOnlySpan<byte> data);

    /// <summary>RDMSR of a register that the hypervisor does not handle. False raises #GP(0) in the guest.</summary>
    bool MsrRead(uint index, out ulong value);

    /// <summary>WRMSR of a register that the hypervisor does not handle. False raises #GP(0) in the guest.</summary>
    bool MsrWrite(uint index, ulong value);

    /// <summary>A hypercall that the hypervisor passes on. Returns what the guest finds in RAX.</summary>
    ulong Hypercall(ulong number, ReadOnlySpan<ulong> arguments, bool longMode);

    /// <summary>
    /// The hypervisor could not execute an instruction and the processor library has completed it.
    /// <paramref name="rip"/> is where it stands; <paramref name="instruction"/> its bytes.
    /// </summary>
    void InstructionCompleted(ulong rip, ReadOnlySpan<byte> instruction);

    /// <summary>The vCPU left the guest because of <see cref="IVcpu.Kick"/>; its state members may be used.</summary>
    void Kicked();

    /// <summary>
    /// The vCPU is about to enter the guest, or sleeps in HLT: fills in what to deliver. Asked only where the interrupt controllers, or all but
    /// the local APICs, live in the machine, before each entry; whoever has something new for the vCPU calls <see cref="IVcpu.Kick"/>. False: there is nothing, and <paramref name="events"/> is as it was.
    /// </summary>
    bool BeforeEntry(ref EntryEvents events);

    /// <summary>
    /// The guest has ended an interrupt of this vector, which a level-triggered pin of the machine's IO-APIC sends. Only where the local APICs live in the hypervisor
    /// and the IO-APIC does not.
    /// </summary>
    void EndOfInterrupt(byte vector);

    /// <summary>
    /// The task-priority register of the vCPU's local APIC, 0 to 255. CR8 is its upper half, the class; a write of CR8 clears the lower half, the sub-class, also where
    /// the class stays what it was. A backend whose machine holds the local APICs reads it after accesses that may have changed it, and writes it when the guest has written CR8.
    /// </summary>
    ulong TaskPriority { get; set; }
}
