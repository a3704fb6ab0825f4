using System.Buffers.Binary;
using HvRunner.Abstractions;
using HvRunner.Fakes;
using HvRunner.Instructions;
using HvRunner.Kvm.Interop;

namespace HvRunner.Kvm.Tests.Pure;

/// <summary>A processor in flat 32-bit code with a stack, a GDT and an IDT whose handlers are IRET each, and what waits for it; its instructions are executed by stretches.</summary>
internal sealed class StretchGuest
{
    internal const uint Code = 0x1000;
    internal const uint Stack = 0x9000;

    private const uint Gdt = 0x4000;
    private const uint Idt = 0x5000;
    private const uint Handlers = 0x2000;
    private const int Size = 0x1_0000;

    private readonly InstructionStretch<Ram, Host> _stretch = new();

    internal kvm_vcpu_events Events;

    internal StretchGuest(params byte[] code)
    {
        Put(Gdt, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0x9b, 0xcf, 0, 0xff, 0xff, 0, 0, 0, 0x93, 0xcf, 0);
        Put(Code, code);
        for (var vector = 0; vector < 256; vector++)
        {
            SetGate(vector, 0xcf);
        }

        State.Cr0 = 0x31;
        State[SegmentName.Cs] = SegmentRegister.FlatCode32(8);
        foreach (var name in new[] { SegmentName.Ds, SegmentName.Es, SegmentName.Ss, SegmentName.Fs, SegmentName.Gs })
        {
            State[name] = SegmentRegister.FlatData32(16);
        }

        State[SegmentName.Tr] = SegmentRegister.BusyTss32(0, 0);
        State.Gdtr = new DescriptorTableRegister(Gdt, 23);
        State.Idtr = new DescriptorTableRegister(Idt, (256 * 8) - 1);
        State.Rip = Code;
        State[GeneralRegister.Rsp] = Stack;
    }

    internal ArrayGuestMemory Memory { get; } = new(Size);

    internal ProcessorState State { get; } = new();

    /// <summary>When a stretch is over; told how often it was asked.</summary>
    internal Func<int, bool> IsOver { get; set; } = _ => false;

    /// <summary>How often the host said that the processor could take an interrupt.</summary>
    internal int Interruptible { get; set; }

    internal int Asked { get; set; }

    internal int Executed => _stretch.Executed;

    internal StateParts Changed => _stretch.Changed;

    internal bool Flushes => _stretch.Flushes;

    /// <summary>Where vector's handler stands.</summary>
    internal static uint HandlerOf(int vector) => Handlers + ((uint)vector * 16);

    internal void Put(uint address, params byte[] bytes) => Assert.True(Memory.TryWrite(new GuestAddress(address), bytes));

    /// <summary>An interrupt gate, and the code behind it.</summary>
    internal void SetGate(int vector, params byte[] code)
    {
        var handler = HandlerOf(vector);
        Put(handler, code);
        Put(Idt + (uint)(vector * 8), (byte)handler, (byte)(handler >> 8), 8, 0, 0, 0x8e, 0, 0);
    }

    internal void SetTaskGate(int vector) => Put(Idt + (uint)(vector * 8), 0, 0, 8, 0, 0, 0x85, 0, 0);

    /// <summary>A value on the stack: 0 is where ESP points.</summary>
    internal uint StackAt(int index)
    {
        Span<byte> bytes = stackalloc byte[4];
        Assert.True(Memory.TryRead(new GuestAddress(State[GeneralRegister.Rsp] + (ulong)(index * 4)), bytes));
        return BinaryPrimitives.ReadUInt32LittleEndian(bytes);
    }

    internal StretchEnd Run()
    {
        Asked = 0;
        var memory = new Ram(Memory);
        var host = new Host(this);
        return _stretch.Run(State, ref Events, ref memory, ref host);
    }

    /// <summary>As <see cref="Run()"/>, for so many instructions and deliveries.</summary>
    internal StretchEnd Run(int steps)
    {
        IsOver = asked => asked == steps;
        return Run();
    }

    private struct Ram(ArrayGuestMemory memory) : IPhysicalMemory
    {
        public readonly bool TryRead(ulong physicalAddress, Span<byte> data)
        {
            if (memory.TryRead(new GuestAddress(physicalAddress), data))
            {
                return true;
            }

            data.Fill(0xff);
            return false;
        }

        public readonly bool TryWrite(ulong physicalAddress, ReadOnlySpan<byte> data) => memory.TryWrite(new GuestAddress(physicalAddress), data);

        public readonly bool TryCompareExchange(ulong physicalAddress, int size, ulong expected, ulong desired, out ulong observed) =>
            memory.TryCompareExchange(new GuestAddress(physicalAddress), size, expected, desired, out observed);

        public readonly bool TryCompareExchange(ulong physicalAddress, UInt128 expected, UInt128 desired, out UInt128 observed) =>
            memory.TryCompareExchange(new GuestAddress(physicalAddress), expected, desired, out observed);
    }

    private struct Host(StretchGuest guest) : IStretchHost
    {
        public readonly bool IsOver(ProcessorState state, bool interruptible)
        {
            guest.Interruptible += interruptible ? 1 : 0;
            return guest.IsOver(++guest.Asked);
        }

        public readonly void LoadExtended(ProcessorState state)
        {
        }

        public readonly void LoadDebug(ProcessorState state)
        {
        }

        public readonly bool TryReadMsr(uint index, out ulong value)
        {
            value = 0;
            return false;
        }

        public readonly bool TryWriteMsr(uint index, ulong value) => false;

        /// <summary>Those features of leaf 1 that instructions of the tests need: x87, debug extensions, PSE, MSR, PAE, CX8.</summary>
        public readonly bool TryGetCpuid(uint leaf, uint subleaf, out CpuidLeaf result)
        {
            result = new CpuidLeaf(leaf, subleaf, false, leaf == 0 ? 1u : 0x600, 0, 0, 0x16d);
            return leaf <= 1;
        }

        public readonly void ReadPort(ushort port, Span<byte> data) => data.Fill(0xff);

        public readonly void WritePort(ushort port, ReadOnlySpan<byte> data)
        {
        }

        public readonly ulong ReadTimestamp() => 0;

        public readonly ulong NextRandom() => 0;

        public readonly void TaskPriorityWritten(ulong priority)
        {
        }

        public readonly bool TryHypercall(ProcessorState state) => false;
    }
}
