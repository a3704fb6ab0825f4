using HvRunner.Abstractions;
using Iced.Intel;

namespace HvRunner.Instructions.ProcessorTests;

/// <summary>A 64-bit kernel-mode processor with 2 MiB of RAM mapped to itself by 4 KiB pages, the page tables among it, for one rule each.</summary>
internal sealed class RuleGuest : IDisposable
{
    public const ulong Code = 0x1_0000;
    public const ulong Data = 0x2_0000;
    public const ulong Table = 0x4000;
    public const ulong Idt = 0x6000;
    public const ulong Stack = 0x8_0000;
    private const ulong SizeBytes = 0x20_0000;

    private readonly GuardedMemory _ram = new(new GuestRange(new GuestAddress(0), SizeBytes));

    public RuleGuest(int maximumBlocks = CodeCache.MaximumBlocks, uint hiddenFeatures = 0)
    {
        Surroundings = new Surroundings(1) { Ram = _ram, HiddenFeatures = hiddenFeatures };
        Processor = new Processor(_ram, Surroundings, sibling: null, maximumBlocks);
        Write64(0x1000, 0x2007);
        Write64(0x2000, 0x3007);
        Write64(0x3000, Table | 7);
        for (ulong page = 0; page < 512; page++)
        {
            Write64(Table + (page * 8), (page << 12) | 3);
        }

        Write64(0x5008, 0x00af_9b00_0000_ffff);
        Write64(0x5010, 0x00cf_9300_0000_ffff);
        Prepare(Processor);
    }

    public Processor Processor { get; }

    public Surroundings Surroundings { get; }

    /// <summary>A second processor of the same memory, in the same state as the first was.</summary>
    public Processor NewSibling()
    {
        var sibling = new Processor(_ram, Surroundings, Processor);
        Prepare(sibling);
        return sibling;
    }

    public ulong this[GeneralRegister register]
    {
        get => Processor[register];
        set => Processor[register] = value;
    }

    public void Assemble(ulong physical, Action<Assembler> code, ulong? linear = null)
    {
        var assembler = new Assembler(64);
        code(assembler);
        using var stream = new MemoryStream();
        assembler.Assemble(new StreamCodeWriter(stream), linear ?? physical);
        stream.ToArray().CopyTo(_ram.Bank(0)[(int)physical..]);
    }

    public void Write64(ulong physical, ulong value) => BitConverter.TryWriteBytes(_ram.Bank(0)[(int)physical..], value);

    public ulong Read64(ulong physical) => BitConverter.ToUInt64(_ram.Bank(0)[(int)physical..]);

    public void Gate(int vector, ulong target) => Write64(Idt + ((ulong)vector * 16), (target & 0xffff) | (8 << 16) | (0x8eUL << 40) | ((target >> 16) << 48));

    /// <summary>Runs to the next HLT.</summary>
    public void RunToHalt() => Assert.Equal(ProcessorStop.Halted, Processor.Run(100_000));

    public void Dispose() => _ram.Dispose();

    private static void Prepare(Processor processor)
    {
        TwinMachine.Set(processor, false, 0, 0);
        processor.Cr3 = 0x1000;
        processor.Rip = Code;
        processor[GeneralRegister.Rsp] = Stack;
        processor.Idtr = new DescriptorTableRegister(Idt, 0xfff);
        processor.Gdtr = new DescriptorTableRegister(0x5000, 0xff);
        processor.StateChanged();
    }
}
