using System.Buffers.Binary;
using HvRunner.Abstractions;

namespace HvRunner.Instructions.ProcessorTests;

/// <summary>The ways to run code.</summary>
internal enum FuzzMode
{
    Real,
    Protected16,
    Protected32,
    Paged,
    PagedPae,
    Compatibility,
    Kernel64,
    User64,
    Anything,
}

/// <summary>
/// One processor on random code, tables, registers and surroundings, all of which follow from one number. Memory has several banks with devices
/// between them; code, page tables and descriptor tables lie where random addresses hit them.
/// </summary>
internal sealed class FuzzCase : IDisposable
{
    public const ulong LowBytes = 0x20000;
    public const ulong MiddleStart = 0x22000;
    public const ulong MiddleBytes = 0x1e000;
    public const ulong HighStart = 0x1_0000_0000;
    public const ulong TopStart = 0x3fff_ffff_f000;
    private const ulong Tables = 0x2000;
    private const ulong Gdt = 0x9000;
    private const ulong Idt = 0xa000;
    private const ulong Tss = 0xb000;
    private const ulong Code = 0x10000;
    private const int CodeBytes = 0x6000;

    private readonly Random _random;
    private readonly GuardedMemory _ram;
    private readonly Surroundings _around;
    private readonly Processor _processor;
    private FuzzMode _mode;

    public FuzzCase(int seed)
    {
        _random = new Random(seed);
        _ram = new GuardedMemory(
            new GuestRange(new GuestAddress(0), LowBytes),
            new GuestRange(new GuestAddress(MiddleStart), MiddleBytes),
            new GuestRange(new GuestAddress(HighStart), 0x4000),
            new GuestRange(new GuestAddress(TopStart), 0x1000));
        _around = new Surroundings((ulong)seed) { Ram = _ram };
        _processor = new Processor(_ram, _around);
        _around.OnAccess = () =>
        {
            if (_random.Next(64) == 0)
            {
                _processor.LeaveSoon();
            }
        };
    }

    public long Retired => _processor.InstructionsRetired;

    public FuzzMode Mode => _mode;

    public int Stops { get; private set; }

    /// <summary>Several lives in one memory, each begun anew with what the one before left behind.</summary>
    public void Run()
    {
        for (var life = 0; life < 3; life++)
        {
            if (life == 0 || _random.Next(2) == 0)
            {
                FillMemory();
            }

            var mode = (FuzzMode)_random.Next(9);
            FillDescriptors(_ram.Bank(0), mode is FuzzMode.Compatibility or FuzzMode.Kernel64 or FuzzMode.User64);
            Begin(mode);
            for (var slice = 0; slice < 12; slice++)
            {
                if (!RunSlice())
                {
                    Stops++;
                    break;
                }
            }
        }

        Assert.True(_ram.CanariesLive(), "a write between the banks");
    }

    public void Dispose() => _ram.Dispose();

    private bool RunSlice()
    {
        var budget = _random.Next(8) switch { 0 => 1, 1 => _random.Next(1, 10), _ => _random.Next(1, 1500) };
        _processor.StopWhenInterruptible = _random.Next(8) == 0;
        var questions = _around.Count;
        var (before, priority) = (_processor.InstructionsRetired, _processor.Cr8);
        var heldNonMaskable = !_processor.CanTakeNonMaskable;
        var stop = _processor.Run(budget);
        var retired = _processor.InstructionsRetired - before;
        var mayLeaveEarly = _processor.StopWhenInterruptible || _around.Count != questions || _processor.Cr8 != priority || stop != ProcessorStop.Budget ||
            (heldNonMaskable && _processor.CanTakeNonMaskable);

        // A block has at most 64 instructions, and a page's worth of a repeated one counts 64.
        Assert.True(retired >= 1 && retired <= budget + 130, $"{retired} of {budget} instructions");
        Assert.True(mayLeaveEarly || retired >= budget, $"only {retired} of {budget} instructions, {stop}");
        Assert.True((_processor.Rflags & 2) != 0 && (_processor.Rflags & ~0x3f_7fd7UL) == 0, $"RFLAGS {_processor.Rflags:x}");
        Assert.True(stop != ProcessorStop.Unsupported || _processor.Refusal is not null);
        if (stop is ProcessorStop.Shutdown or ProcessorStop.Unsupported)
        {
            return false;
        }

        switch (_random.Next(6))
        {
            case 0 or 1 when _processor.CanTakeInterrupt:
                return _processor.Interrupt((byte)_random.Next(256));
            case 2 when _processor.CanTakeNonMaskable:
                return _processor.NonMaskableInterrupt();
            case 3:
                Shake();
                _processor.StateChanged();
                break;
        }

        return true;
    }

    private void Shake()
    {
        switch (_random.Next(5))
        {
            case 0:
                SetGeneral();
                break;
            case 1:
                _processor.Rip = AnyAddress();
                break;
            case 2:
                _processor.Rflags = AnyFlags();
                break;
            case 3:
                _processor.Debug[_random.Next(4)] = AnyAddress();
                _processor.Debug[7] = (uint)_random.Next();
                break;
            default:
                _processor.Cr3 = Tables + ((ulong)_random.Next(4) << 12);
                break;
        }
    }

    private ulong AnyAddress() => _random.Next(12) switch
    {
        0 => (ulong)_random.NextInt64(long.MinValue, long.MaxValue),
        1 => (ulong)_random.Next(64),
        2 => ulong.MaxValue - (ulong)_random.Next(64),
        3 => LowBytes - (ulong)_random.Next(16),
        4 => MiddleStart + MiddleBytes - (ulong)_random.Next(16),
        5 => HighStart + (ulong)_random.Next(-16, 0x4010),
        6 => 0x7fff_ffff_fff0 + (ulong)_random.Next(32),
        7 => ((ulong)_random.Next(0x42) << 12) - (ulong)_random.Next(8),
        8 => Code + (ulong)_random.Next(CodeBytes),
        9 => TopStart + 0xff0 + (ulong)_random.Next(32),
        _ => (ulong)_random.Next(0x42000),
    };

    private ulong AnyFlags() => 2 | ((ulong)_random.Next() & (_random.Next(6) == 0 ? 0x25_7fd5UL : 0x20_3ed5));

    private void SetGeneral()
    {
        for (var i = 0; i < 16; i++)
        {
            _processor.General[i] = AnyAddress();
        }

        if (_random.Next(3) != 0)
        {
            _processor[GeneralRegister.Rcx] &= 0xff;
        }
    }

    private void FillMemory()
    {
        for (var bank = 0; bank < 4; bank++)
        {
            if (_random.Next(3) == 0)
            {
                _random.NextBytes(_ram.Bank(bank));
            }
        }

        var low = _ram.Bank(0);
        FillCode(low.Slice((int)Code, CodeBytes), _random.Next(3) switch { 0 => 16, 1 => 32, _ => 64 });
        FillCode(low[..0x1000], 16);
    }

    private void FillCode(Span<byte> code, int bitness)
    {
        var pool = EncodingPool.Of(bitness);
        for (var at = 0; at < code.Length - 16;)
        {
            if (_random.Next(40) == 0)
            {
                var raw = code.Slice(at, _random.Next(1, 8));
                _random.NextBytes(raw);
                at += raw.Length;
                continue;
            }

            var bytes = pool.Any(_random);
            bytes.CopyTo(code[at..]);
            if (_random.Next(24) == 0)
            {
                code[at + _random.Next(bytes.Length)] ^= (byte)(1 << _random.Next(8));
            }

            at += bytes.Length;
        }
    }

    private void FillDescriptors(Span<byte> low, bool isWide)
    {
        // 8 to 0x20: code and data as in most systems; the rest is anything that is present.
        ulong[] known =
        [
            0, 0x00af_9b00_0000_ffff, 0x00cf_9300_0000_ffff, 0x00af_fb00_0000_ffff, 0x00cf_f300_0000_ffff, 0x00cf_9b00_0000_ffff,
            0x0000_9b00_0000_ffff, 0x0000_9300_0000_ffff,
        ];
        for (var i = 0; i < 32; i++)
        {
            var value = i < known.Length && _random.Next(10) != 0 ? known[i] : ((ulong)_random.NextInt64() & 0x00ff_ff0f_00ff_ffff) | (1UL << 47);
            BinaryPrimitives.WriteUInt64LittleEndian(low[((int)Gdt + (8 * i))..], value);
        }

        for (var vector = 0; vector < 256; vector++)
        {
            var target = Code + (ulong)_random.Next(CodeBytes);
            var type = _random.Next(12) == 0 ? (ulong)_random.Next(256) : 0x8e;
            var selector = _random.Next(8) == 0 ? (ulong)_random.Next(256) : isWide || _random.Next(2) == 0 ? 8UL : 0x28;
            var gate = (target & 0xffff) | (selector << 16) | ((ulong)_random.Next(8) << 32) | (type << 40) | ((target >> 16) << 48);
            BinaryPrimitives.WriteUInt64LittleEndian(low[((int)Idt + (vector * (isWide ? 16 : 8)))..], gate);
        }

        for (var at = 0; at < 0x68; at += 4)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(low[((int)Tss + at)..], (uint)(_random.Next(4) == 0 ? AnyAddress() : (ulong)_random.Next(0x3c000)));
        }
    }

    /// <summary>Registers of a mode, and page tables that begin sensibly and are then damaged in a few places.</summary>
    private void Begin(FuzzMode mode)
    {
        _mode = mode;
        var state = _processor;
        state.Extended.Reset();
        state.Extended.Xcr0 = 3;
        SetGeneral();
        var isLong = mode is FuzzMode.Compatibility or FuzzMode.Kernel64 or FuzzMode.User64;
        var isPaged = isLong || mode is FuzzMode.Paged or FuzzMode.PagedPae;
        var level = mode == FuzzMode.User64 || (mode != FuzzMode.Kernel64 && mode != FuzzMode.Real && _random.Next(3) == 0) ? 3 : 0;
        state.Cr0 = mode == FuzzMode.Real ? 0x10 : 0x31 | (isPaged ? 1UL << 31 : 0);
        state.Cr0 |= (ulong)_random.Next() & 0x5_000e & (_random.Next(3) == 0 ? ulong.MaxValue : 0x5_0002);
        state.Cr4 = ((ulong)_random.Next() & 0x33_0e9f & (_random.Next(3) == 0 ? ulong.MaxValue : 0x5_0690)) | 0x600;
        state.Cr4 = isLong || mode == FuzzMode.PagedPae ? state.Cr4 | 0x20 : state.Cr4 & ~0x2_0020UL;
        state.Efer = isLong ? 0x500UL | ((ulong)_random.Next() & 0x801) : 0;
        state.Cr3 = Tables;
        state.Cr8 = 0;
        state.Debug = default;
        if (_random.Next(8) == 0)
        {
            state.Debug[7] = (uint)_random.Next();
            state.Debug[0] = AnyAddress();
        }

        var wide = mode is FuzzMode.Protected32 or FuzzMode.Paged or FuzzMode.PagedPae || (mode == FuzzMode.Compatibility && _random.Next(2) == 0);
        var size = isLong && mode != FuzzMode.Compatibility ? 0xa000 : wide ? 0xc000 : 0;
        var limit = wide || isLong || _random.Next(2) == 0 ? uint.MaxValue : 0xffff;
        for (var name = SegmentName.Es; name <= SegmentName.Gs; name++)
        {
            var isCode = name == SegmentName.Cs;
            state[name] = new SegmentRegister
            {
                Selector = (ushort)((isCode ? 8 : 0x10) | level),
                Base = isLong && name < SegmentName.Fs ? 0 : mode == FuzzMode.Real ? (ulong)_random.Next(0x2000) << 4 : _random.Next(3) == 0 ? (uint)AnyAddress() : 0,
                Limit = mode == FuzzMode.Real ? 0xffff : limit,
                Attributes = (ushort)((isCode ? 0x9b | size : 0xc093) | (level << 5)),
            };
        }

        if (!isLong && _random.Next(2) == 0)
        {
            state[SegmentName.Cs] = state[SegmentName.Cs] with { Base = mode == FuzzMode.Real ? Code : 0 };
        }

        state[SegmentName.Tr] = SegmentRegister.BusyTss32(0x28, Tss);
        state[SegmentName.Ldtr] = _random.Next(2) == 0 ? SegmentRegister.Null : new SegmentRegister { Selector = 8, Base = AnyAddress(), Limit = 0xff, Attributes = 0x82 };
        state.Gdtr = new DescriptorTableRegister(_random.Next(10) == 0 ? AnyAddress() : Gdt, 0xff);
        state.Idtr = new DescriptorTableRegister(_random.Next(10) == 0 ? AnyAddress() : mode == FuzzMode.Real ? 0 : Idt, 0xfff);
        state.Rip = mode == FuzzMode.Real ? (ulong)_random.Next(CodeBytes) : Code + (ulong)_random.Next(CodeBytes);
        state.Rflags = AnyFlags();
        if (_random.Next(3) != 0)
        {
            state[GeneralRegister.Rsp] = (ulong)_random.Next(0x1000, 0x3c000);
        }

        FuzzTables.Fill(_ram.Bank(0), Tables, mode, _random, AnyAddress);
        if (mode == FuzzMode.Anything)
        {
            state.Cr0 = (uint)_random.Next() | 0x10;
            state.Cr4 = (ulong)_random.Next() & 0x3f_ffff;
            state.Efer = (ulong)_random.Next() & 0xd01;
            state[SegmentName.Cs] = state[SegmentName.Cs] with { Attributes = (ushort)_random.Next(0x10000) };
            state[SegmentName.Ss] = state[SegmentName.Ss] with { Attributes = (ushort)_random.Next(0x10000), Unusable = _random.Next(2) == 0 };
        }

        _processor.StateChanged();
    }
}
