using HvRunner.Abstractions;

namespace HvRunner.Kvm.Tests.Live;

internal delegate void PortReader(ushort port, int elementSize, Span<byte> data);

internal delegate void PortWriter(ushort port, int elementSize, ReadOnlySpan<byte> data);

internal delegate void MmioReader(ulong address, Span<byte> data);

internal delegate void MmioWriter(ulong address, ReadOnlySpan<byte> data);

internal delegate bool EntryFiller(ref EntryEvents events);

internal delegate bool MsrReader(uint index, out ulong value);

/// <summary>Answers exits as the test says; one that it did not expect is a failure, which passes through the run.</summary>
internal sealed class Handler : IExitHandler
{
    internal PortReader OnPortRead { get; init; } = (port, _, _) => Unexpected($"IN from port 0x{port:x}");

    internal PortWriter OnPortWrite { get; init; } = (port, _, _) => Unexpected($"OUT to port 0x{port:x}");

    internal MmioReader OnMmioRead { get; init; } = (address, _) => Unexpected($"read of 0x{address:x}");

    internal MmioWriter OnMmioWrite { get; init; } = (address, _) => Unexpected($"write of 0x{address:x}");

    internal MsrReader OnMsrRead { get; init; } = (uint index, out ulong value) => throw new InvalidOperationException($"read of MSR 0x{index:x}");

    internal Func<uint, ulong, bool> OnMsrWrite { get; init; } = (index, _) => throw new InvalidOperationException($"write of MSR 0x{index:x}");

    /// <summary>For a partition whose interrupt controllers are the test's.</summary>
    internal EntryFiller? OnBeforeEntry { get; init; }

    internal Action OnKicked { get; init; } = () => { };

    public void PortRead(ushort port, int elementSize, Span<byte> data) => OnPortRead(port, elementSize, data);

    public void PortWrite(ushort port, int elementSize, ReadOnlySpan<byte> data) => OnPortWrite(port, elementSize, data);

    public void MmioRead(GuestAddress address, Span<byte> data) => OnMmioRead(address.Value, data);

    public void MmioWrite(GuestAddress address, ReadOnlySpan<byte> data) => OnMmioWrite(address.Value, data);

    public bool MsrRead(uint index, out ulong value) => OnMsrRead(index, out value);

    public bool MsrWrite(uint index, ulong value) => OnMsrWrite(index, value);

    public ulong Hypercall(ulong number, ReadOnlySpan<ulong> arguments, bool longMode) => 0;

    public void InstructionCompleted(ulong rip, ReadOnlySpan<byte> instruction)
    {
    }

    public void EndOfInterrupt(byte vector) => Unexpected($"the end of interrupt 0x{vector:x}");

    public bool BeforeEntry(ref EntryEvents events) => OnBeforeEntry is { } fill ? fill(ref events) : throw new InvalidOperationException("KVM holds the interrupt controllers");

    public ulong TaskPriority
    {
        get => OnBeforeEntry is null ? throw new InvalidOperationException("KVM holds the local APIC") : field;
        set => field = OnBeforeEntry is null ? throw new InvalidOperationException("KVM holds the local APIC") : value;
    }

    public void Kicked() => OnKicked();

    private static void Unexpected(string what) => throw new InvalidOperationException($"the guest was not expected to do this: {what}");
}
