using System.Text;
using HvRunner.Abstractions;
using Iced.Intel;

namespace HvRunner.Instructions.ProcessorTests;

/// <summary>One program on a processor and, step by step, on the executor; after each slice everything must be equal.</summary>
internal sealed class Twins : IDisposable
{
    // A repeated instruction counts less on the processor than it takes steps: one for so many elements, at most, and one page that began in time.
    private const int StepsPerCount = 64;
    private const int MaximumUncountedSteps = 2 * 4096;

    private const string OtherPlace = "registers or memory";

    private readonly GuardedMemory _leftRam;
    private readonly GuardedMemory _rightRam;
    private readonly Surroundings _leftAround;
    private readonly Surroundings _rightAround;
    private readonly Random _random;
    private readonly string _name;
    private readonly bool _wipes;

    public Twins(int seed)
    {
        _random = new Random(seed);
        var user = _random.Next(3) == 0;
        _wipes = _random.Next(2) == 0;

        // Supervisor code on user pages, under SMAP.
        var guarded = !user && _random.Next(4) == 0;
        _name = $"seed {seed} ({(user ? "user" : guarded ? "SMAP" : "supervisor")}, {(_wipes ? "flags wiped" : "flags kept")})";
        var image = new byte[TwinLayout.ImageBytes];
        TwinMachine.Fill(image, _wipes, user || guarded, _random);
        new TwinProgram(_random, user, guarded, _wipes).Fill(image);
        _leftRam = MakeRam(image);
        _rightRam = MakeRam(image);
        _leftAround = new Surroundings((ulong)seed) { Ram = _leftRam };
        _rightAround = new Surroundings((ulong)seed) { Ram = _rightRam };
        Fast = new Processor(_leftRam, _leftAround);
        Slow = new SteppedProcessor(_rightRam, _rightAround);
        var flags = (ulong)_random.Next() & (Flag.Interrupt | Flag.IoPrivilege | (_wipes ? Flag.AlignmentCheck : 0));
        Set(Fast, user, guarded, flags);
        Set(Slow.State, user, guarded, flags);
        Slow.State.General = Fast.General;
        Fast.StateChanged();
    }

    /// <summary>Describe differences where they were met, not where a repeated instruction might still have made them good.</summary>
    public bool WithDetails { get; init; }

    public Processor Fast { get; }

    public SteppedProcessor Slow { get; }

    public bool IsOver { get; private set; }

    /// <summary>Runs about so many instructions on both, and answers what differs then.</summary>
    public string? Run(long instructions)
    {
        var before = Fast.InstructionsRetired;
        var stop = Fast.Run(instructions);
        var count = Fast.InstructionsRetired - before;
        if (stop == ProcessorStop.Budget && (count < instructions || count > instructions + 130))
        {
            return $"{_name}: {count} instructions of {instructions}";
        }

        for (var i = 0L; i < count && !Slow.IsDead; i++)
        {
            Slow.Step();
        }

        // A place may be passed more than once: where only memory or a device tells two passes apart, it is a later one.
        var difference = Difference();
        var early = WithDetails && difference is not null ? Describe(difference) : null;
        string? passed = null;
        var moreSteps = (count * StepsPerCount) + MaximumUncountedSteps;
        for (var i = 0L; i < moreSteps && !Slow.IsDead && difference is not null; i++)
        {
            if (WithDetails && passed is null && !ReferenceEquals(difference, OtherPlace))
            {
                passed = Describe(difference);
            }

            Slow.Step();
            difference = Difference();
        }

        IsOver = stop is ProcessorStop.Shutdown or ProcessorStop.Unsupported;
        if (IsOver != Slow.IsDead)
        {
            return passed ?? Describe($"processor {stop}, steps {(Slow.IsDead ? "dead" : "alive")}");
        }

        if (difference is not null)
        {
            return passed ?? early ?? Describe(difference);
        }

        if (!IsOver && Fast.CanTakeInterrupt && _random.Next(3) == 0)
        {
            var vector = (byte)_random.Next(32, 256);
            IsOver = !Fast.Interrupt(vector);
            Slow.Interrupt(vector);
            if (IsOver != Slow.IsDead)
            {
                return Describe($"interrupt {vector}");
            }
        }

        return null;
    }

    public void Dispose()
    {
        _leftRam.Dispose();
        _rightRam.Dispose();
    }

    private static GuardedMemory MakeRam(ReadOnlySpan<byte> image)
    {
        var code = (int)TwinLayout.Code;
        var ram = new GuardedMemory(
            new GuestRange(new GuestAddress(0), TwinLayout.Code + TwinLayout.MoreTableBytes),
            new GuestRange(new GuestAddress(TwinLayout.Frame(TwinLayout.Code)), (ulong)(TwinLayout.ProgramEnd - code)));
        image[..code].CopyTo(ram.Bank(0));
        image[TwinLayout.ProgramEnd..].CopyTo(ram.Bank(0)[code..]);
        image[code..TwinLayout.ProgramEnd].CopyTo(ram.Bank(1));
        return ram;
    }

    private void Set(ProcessorState state, bool user, bool guarded, ulong flags)
    {
        TwinMachine.Set(state, user, guarded ? ControlBit.Cr4Smap : 0, flags);
        var random = new Random(7);
        for (var i = 0; i < 16; i++)
        {
            if (i != 4)
            {
                state.General[i] = TwinLayout.Data + (ulong)random.Next(0x4000);
            }
        }
    }

    private bool IsAtSamePlace()
    {
        ReadOnlySpan<ulong> left = Fast.General;
        ReadOnlySpan<ulong> right = Slow.State.General;

        // How many exceptions there were, and the program's memory, tell two passes of a loop apart.
        const int ProgramBytes = (int)(TwinLayout.InterruptStackEnd - 0x2000 - TwinLayout.Code);
        return Fast.Rip == Slow.State.Rip && Fast.Extended.Image.SequenceEqual(Slow.State.Extended.Image) && left.SequenceEqual(right) && ((Fast.Rflags ^ Slow.State.Rflags) & ~Flag.Status) == 0 &&
            _leftRam.Bank(0).Slice((int)TwinLayout.Log, 16).SequenceEqual(_rightRam.Bank(0).Slice((int)TwinLayout.Log, 16)) &&
            _leftRam.Bank(1)[..ProgramBytes].SequenceEqual(_rightRam.Bank(1)[..ProgramBytes]);
    }

    /// <summary>What differs between the two as they stand; null when nothing does.</summary>
    private string? Difference()
    {
        if (!IsAtSamePlace())
        {
            return OtherPlace;
        }

        if (!SettleFlags())
        {
            return "flags";
        }

        if (!Slow.IsDead && !_leftRam.Bank(0).SequenceEqual(_rightRam.Bank(0)))
        {
            Slow.Prefetch();
        }

        if (_wipes && Fast.Rip - TwinLayout.Handlers < 4096)
        {
            // The handler has not got to the flags in its frame yet.
            var flags = (int)(TwinLayout.InterruptStackEnd - TwinLayout.Code) - 24;
            var status = BitConverter.ToUInt16(_leftRam.Bank(1)[flags..]) & (ushort)Flag.Status;
            var others = BitConverter.ToUInt16(_rightRam.Bank(1)[flags..]) & ~(ushort)Flag.Status;
            BitConverter.TryWriteBytes(_rightRam.Bank(1)[flags..], (ushort)(status | others));
        }

        for (var bank = 0; bank < 2; bank++)
        {
            var left = _leftRam.Bank(bank);
            var right = _rightRam.Bank(bank);
            if (!left.SequenceEqual(right))
            {
                var at = left.CommonPrefixLength(right) & ~7;
                return $"memory of bank {bank} at {at:x}: {Convert.ToHexString(left.Slice(at, 8))} and {Convert.ToHexString(right.Slice(at, 8))}";
            }
        }

        return _leftAround.Digest != _rightAround.Digest || !_leftRam.CanariesLive() || Fast.Cr2 != Slow.State.Cr2 || Fast.Cr3 != Slow.State.Cr3 || Fast.Cr0 != Slow.State.Cr0
            ? $"surroundings: CR2 {Fast.Cr2:x} {Slow.State.Cr2:x}, {_leftAround.Count} and {_rightAround.Count} accesses"
            : null;
    }

    /// <summary>Status flags may differ where the last instructions that set them left them undefined.</summary>
    private bool SettleFlags()
    {
        var differing = Fast.Rflags ^ Slow.State.Rflags;
        for (var ago = 0; ago < Slow.RecentSteps && differing != 0; ago++)
        {
            if (Slow.HasFaulted(ago))
            {
                continue;
            }

            var code = new byte[15];
            LinearAddress.Read(Slow.State, _rightRam, Slow.Recent(ago), code);
            var decoder = Iced.Intel.Decoder.Create(64, code, Slow.Recent(ago));
            decoder.Decode(out var instruction);
            differing &= ~Bits(TwinProgram.UndefinedBy(instruction));
            if ((differing & Bits(TwinProgram.DefinedBy(instruction))) != 0)
            {
                return false;
            }
        }

        Slow.State.Rflags = Fast.Rflags;
        return true;
    }

    private static ulong Bits(RflagsBits bits) =>
        ((bits & RflagsBits.CF) != 0 ? Flag.Carry : 0) | ((bits & RflagsBits.PF) != 0 ? Flag.Parity : 0) | ((bits & RflagsBits.AF) != 0 ? Flag.Adjust : 0) |
        ((bits & RflagsBits.ZF) != 0 ? Flag.Zero : 0) | ((bits & RflagsBits.SF) != 0 ? Flag.Sign : 0) | ((bits & RflagsBits.OF) != 0 ? Flag.Overflow : 0);

    private string Describe(string what)
    {
        var text = new StringBuilder($"{_name}, step {Slow.Steps}: {what}\n");
        text.Append($"  processor RIP {Fast.Rip:x} RFLAGS {Fast.Rflags:x}; steps RIP {Slow.State.Rip:x} RFLAGS {Slow.State.Rflags:x}\n");
        for (var i = 0; i < 16; i++)
        {
            if (Fast.General[i] != Slow.State.General[i])
            {
                text.Append($"  {(GeneralRegister)i} {Fast.General[i]:x} and {Slow.State.General[i]:x}\n");
            }
        }

        for (var ago = Slow.RecentSteps - 1; ago >= 0; ago--)
        {
            if (Slow.Recent(ago) - TwinLayout.Handlers < 4096)
            {
                continue;
            }

            var code = new byte[15];
            LinearAddress.Read(Slow.State, _rightRam, Slow.Recent(ago), code);
            text.Append($"  {Slow.Recent(ago):x}: {Disassembler.Format(code, Slow.Recent(ago), 64)}{(Slow.HasFaulted(ago) ? " (fault)" : "")}\n");
        }

        return text.ToString();
    }
}
