using System.Buffers.Binary;
using HvRunner.Abstractions;
using HvRunner.Fakes;
using Iced.Intel;

namespace HvRunner.Instructions.Tests;

/// <summary>A processor in one of three modes with 4 MiB of RAM, to run single assembled instructions on.</summary>
internal sealed class GuestProcessor
{
    public const ulong Code = 0x10_0000;
    public const ulong Data = 0x20_0000;
    public const ulong Stack = 0x30_0000;
    public const ulong Gdt = 0x1000;
    public const ulong Idt = 0x2000;
    public const ulong Tss = 0x3000;
    public const ulong Tables = 0x8000;
    private const int RamSize = 4 << 20;

    private readonly InstructionExecutor<RamOnly, FixedHost> _executor;
    private readonly int _bitness;
    private RamOnly _memory;
    private FixedHost _host;

    private GuestProcessor(int bitness, ExecutorOptions options)
    {
        _executor = new InstructionExecutor<RamOnly, FixedHost>(options);
        _bitness = bitness;
        _memory = new RamOnly(Ram, Log);
        _host = new FixedHost(Facts);
        State.Extended.Reset();
        State[GeneralRegister.Rsp] = Stack;
        State.Gdtr = new DescriptorTableRegister(Gdt, 0xff);
        State.Idtr = new DescriptorTableRegister(Idt, 0xfff);
        State.Rip = Code;
    }

    public ArrayGuestMemory Ram { get; } = new(RamSize);

    public AccessLog Log { get; } = new();

    public HostFacts Facts { get; } = new();

    public ProcessorState State { get; } = new();

    public TranslationCache? Translations
    {
        set => _executor.Translations = value;
    }

    public PageTables Pages { get; private set; } = null!;

    /// <summary>Long mode, ring 0, RAM mapped to itself by 4 KiB pages, everything enabled that an instruction may ask for.</summary>
    public static GuestProcessor Long(int cpl = 0, ExecutorOptions options = default)
    {
        var guest = new GuestProcessor(64, options);
        guest.Pages = new PageTables(guest.Ram, Tables);
        guest.Pages.MapRange(0, RamSize, PageTables.Writable | PageTables.User);
        var state = guest.State;
        state.Cr0 = 0x8001_0033;
        state.Cr3 = Tables;
        state.Cr4 = 0x5_0620;
        state.Efer = 0xd01;
        state.Extended.Xcr0 = 7;
        state[SegmentName.Cs] = new SegmentRegister { Selector = (ushort)(8 | cpl), Limit = uint.MaxValue, Attributes = (ushort)(0xa09b | (cpl << 5)) };
        foreach (var name in new[] { SegmentName.Ss, SegmentName.Ds, SegmentName.Es, SegmentName.Fs, SegmentName.Gs })
        {
            state[name] = new SegmentRegister { Selector = (ushort)(16 | cpl), Limit = uint.MaxValue, Attributes = (ushort)(0xc093 | (cpl << 5)) };
        }

        state[SegmentName.Tr] = SegmentRegister.BusyTss32(0x28, Tss);
        state[SegmentName.Ldtr] = SegmentRegister.Null;
        return guest;
    }

    /// <summary>32-bit protected mode without paging, flat segments.</summary>
    public static GuestProcessor Protected(int cpl = 0, ExecutorOptions options = default)
    {
        var guest = new GuestProcessor(32, options);
        var state = guest.State;
        state.Cr0 = 0x33;
        state.Cr4 = 0x600;
        state[SegmentName.Cs] = SegmentRegister.FlatCode32((ushort)(8 | cpl)) with { Attributes = (ushort)(0xc09b | (cpl << 5)) };
        foreach (var name in new[] { SegmentName.Ss, SegmentName.Ds, SegmentName.Es, SegmentName.Fs, SegmentName.Gs })
        {
            state[name] = SegmentRegister.FlatData32((ushort)(16 | cpl)) with { Attributes = (ushort)(0xc093 | (cpl << 5)) };
        }

        state[SegmentName.Tr] = SegmentRegister.BusyTss32(0x28, Tss);
        state[SegmentName.Ldtr] = SegmentRegister.Null;
        return guest;
    }

    /// <summary>Real-address mode; code in segment 0x1000, data and stack in segment 0x2000.</summary>
    public static GuestProcessor Real(ExecutorOptions options = default)
    {
        var guest = new GuestProcessor(16, options);
        var state = guest.State;
        state.Cr0 = 0x10;
        state[SegmentName.Cs] = new SegmentRegister { Selector = 0x1000, Base = 0x1_0000, Limit = 0xffff, Attributes = 0x9b };
        foreach (var name in new[] { SegmentName.Ss, SegmentName.Ds, SegmentName.Es, SegmentName.Fs, SegmentName.Gs })
        {
            state[name] = new SegmentRegister { Selector = 0x2000, Base = 0x2_0000, Limit = 0xffff, Attributes = 0x93 };
        }

        state.Rip = 0x100;
        state[GeneralRegister.Rsp] = 0x8000;
        state.Idtr = new DescriptorTableRegister(0, 0x3ff);
        return guest;
    }

    public ulong this[GeneralRegister register]
    {
        get => State[register];
        set => State[register] = value;
    }

    /// <summary>Assembles one instruction at RIP and steps.</summary>
    public Completion Run(Action<Assembler> code)
    {
        var assembler = new Assembler(_bitness);
        code(assembler);
        using var stream = new MemoryStream();
        assembler.Assemble(new StreamCodeWriter(stream), State.Rip);
        return RunBytes(stream.ToArray());
    }

    public Completion RunBytes(params byte[] code)
    {
        Write(State.Rip + (_bitness == 64 ? 0 : State[SegmentName.Cs].Base), code);
        return Step();
    }

    public Completion Step() => _executor.Step(State, ref _memory, ref _host);

    public Completion Execute(in Instruction instruction) => _executor.Execute(instruction, State, ref _memory, ref _host);

    public bool TryWalk(ulong linear, Access access, out PageTranslation page, out Completion fault) =>
        _executor.TryWalk(State, ref _memory, ref _host, linear, access, out page, out fault);

    public Completion DeliverException(in Completion cause) => _executor.DeliverException(State, ref _memory, ref _host, cause);

    public Completion DeliverInterrupt(byte vector) => _executor.DeliverInterrupt(State, ref _memory, ref _host, vector);

    public Completion Deliver(byte vector, uint? errorCode, bool isFault) =>
        _executor.Deliver(State, ref _memory, ref _host, vector, errorCode, isFault);

    /// <summary>Runs and insists on completion with RIP behind the instruction.</summary>
    public void Complete(Action<Assembler> code)
    {
        var rip = State.Rip;
        var completion = Run(code);
        Assert.Equal(CompletionKind.Completed, completion.Kind);
        Assert.Equal(rip + (ulong)completion.Length, State.Rip);
    }

    /// <summary>Runs and insists on a fault that leaves general registers, flags and RIP alone.</summary>
    public Completion Fault(byte vector, uint? errorCode, Action<Assembler> code)
    {
        var general = State.General;
        var (rip, flags) = (State.Rip, State.Rflags);
        var completion = Run(code);
        Assert.Equal(CompletionKind.Fault, completion.Kind);
        Assert.Equal((vector, errorCode), (completion.Vector, completion.HasErrorCode ? completion.ErrorCode : null));
        Assert.Equal((rip, flags), (State.Rip, State.Rflags));
        for (var i = 0; i < 16; i++)
        {
            Assert.Equal(general[i], State.General[i]);
        }

        return completion;
    }

    public void Write(ulong address, ReadOnlySpan<byte> bytes) => Assert.True(Ram.TryWrite(new GuestAddress(address), bytes));

    public void Write64(ulong address, ulong value)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        Write(address, bytes);
    }

    public ulong Read64(ulong address)
    {
        Assert.True(Ram.TryReadUInt64(new GuestAddress(address), out var value));
        return value;
    }

    public byte[] Read(ulong address, int length)
    {
        var bytes = new byte[length];
        Assert.True(Ram.TryRead(new GuestAddress(address), bytes));
        return bytes;
    }

    public bool HasFlag(int bit) => (State.Rflags & (1UL << bit)) != 0;
}
