using HvRunner.Abstractions;

namespace HvRunner.Chipset.Tests.Apic;

/// <summary>One run of the model test: takes a random step on both sides. <see cref="InterruptModelBoard"/> compares.</summary>
internal sealed class InterruptModelRun(Random random, int processors, string name) : IDisposable
{
    private static readonly int[] LintModes = [0x0000, 0x0000, 0x8000, 0x8000, 0x0200, 0x0400, 0x0500, 0x0700];
    private static readonly int[] PinModes = [0x000, 0x000, 0x000, 0x100, 0x100, 0x200, 0x400, 0x700, 0x500, 0x300];
    private static readonly int[] IpiModes = [0x000, 0x000, 0x000, 0x000, 0x100, 0x100, 0x200, 0x300, 0x400, 0x500, 0x600, 0x600, 0x700];

    private readonly InterruptModelBoard _board = new(processors, random.NextInt64(1_000_000_000_000));
    private int _expired;
    private int _inits;

    public string Tally =>
        $"{_board.Taken} taken, {_expired} of the timer, {_board.Reference.Broadcasts} broadcast, {_board.Reference.Raises} raised by pins, {_inits} INITs, {_board.Started} starts";

    private ReferenceInterrupts Reference => _board.Reference;

    public bool HasTestedEnough(int steps) =>
        _board.Taken > steps / 50 && _expired > steps / 1_000 && Reference.Broadcasts > steps / 1_000 && Reference.Raises > steps / 200 &&
        _inits > steps / 20_000 && (processors == 1 || _board.Started > steps / 20_000);

    public void Dispose() => _board.Dispose();

    public void Step(int number)
    {
        _board.BeforeStep();
        Act(random.Next(processors));
        if (_board.Compare() is { } difference)
        {
            Assert.Fail($"{name}, step {number}: {difference}");
        }
    }

    private int Vector() => random.Next(20) == 0 ? random.Next(16) : random.Next(3) == 0 ? random.Next(16, 256) : 0x40 + (random.Next(12) * 0x11);

    /// <summary>One of the delivery modes; INIT seldom, as it ends all that a processor was about.</summary>
    private int Mode(int[] modes)
    {
        var mode = modes[random.Next(modes.Length)];
        if (mode == 0x500 && random.Next(20) != 0)
        {
            return 0;
        }

        _inits += mode == 0x500 ? 1 : 0;
        return mode;
    }

    private void Act(int cpu)
    {
        var reference = Reference.Apics[cpu];
        var apic = _board.Processors[cpu];
        switch (random.Next(24))
        {
            case 0 or 1:
                var address = 0xfee0_0000u | (Destination(8) << 12) | (random.Next(3) == 0 ? 4u : 0) | (random.Next(6) == 0 ? 8u : 0) | (random.Next(30) == 0 ? 0x10_0000u : 0);
                var data = (uint)(Vector() | Mode(PinModes)) | (random.Next(2) == 0 ? 0xc000u : (uint)random.Next(4) << 14);
                _board.Bus.Send(new MsiMessage(address, data));
                Reference.SendMsi(address, data);
                break;
            case 2 or 3:
                ActOnCommand(cpu);
                break;
            case 4 or 5 or 6 or 7 or 8:
                _board.Take(cpu);
                break;
            case 9 or 10 or 11 or 12:
                if (reference.Mode != 0)
                {
                    apic.WriteRegister(0xb0, 0);
                    Reference.EndOfInterrupt(cpu);
                }

                break;
            case 13:
                var priority = random.Next(3) == 0 ? random.Next(256) : random.Next(0x60);
                if (random.Next(2) == 0)
                {
                    apic.Apic.TaskPriority = (byte)(priority & 0xf0);
                    reference.TaskPriority = priority & 0xf0;
                }
                else if (reference.Mode != 0)
                {
                    apic.WriteRegister(0x80, (uint)priority);
                    reference.TaskPriority = priority;
                }

                break;
            case 14 or 15 or 16:
                ActOnPins();
                break;
            case 17:
                ActOnLints(cpu);
                break;
            case 18 when reference.Mode != 0:
                ActOnTimer(cpu);
                break;
            case 19 when reference.Mode != 0:
                ActOnRegisters(cpu);
                break;
            case 20 when random.Next(reference.Mode == 0 ? 4 : 60) == 0:
                ActOnMode(cpu);
                break;
            case 21 when random.Next(200) == 0:
                _board.SaveAndLoad();
                break;
            default:
                Pass(random.Next(8) == 0 ? random.Next(3_000) : random.Next(150));
                break;
        }
    }

    private uint Destination(int bits) => random.Next(4) switch
    {
        0 => random.Next(3) == 0 ? (uint)((1ul << bits) - 1) : (uint)random.NextInt64(1L << bits),
        _ => (uint)random.Next(16),
    };

    private void ActOnCommand(int cpu)
    {
        var (apic, reference) = (_board.Processors[cpu], Reference.Apics[cpu]);
        if (reference.Mode == 0)
        {
            return;
        }

        var low = (uint)(Vector() | Mode(IpiModes)) | (random.Next(3) == 0 ? 0x800u : 0) | (random.Next(8) == 0 ? 0x8000u : 0) | (random.Next(8) == 0 ? 0 : 0x4000u) |
            (random.Next(2) == 0 ? 0 : (uint)random.Next(4) << 18);
        if (reference.Mode == 2)
        {
            if (random.Next(4) == 0)
            {
                apic.WriteRegister(0x3f0, low & 0xff);
                Reference.SendToSelf(cpu, (int)(low & 0xff));
                return;
            }

            reference.CommandHigh = Destination(random.Next(3) == 0 ? 32 : 8);
            reference.CommandLow = low;
            apic.WriteMsr(0x300, ((ulong)reference.CommandHigh << 32) | low);
        }
        else
        {
            reference.CommandHigh = Destination(8) << 24;
            reference.CommandLow = low;
            apic.WriteRegister(0x310, reference.CommandHigh | (uint)random.Next(0x100_0000));
            apic.WriteRegister(0x300, low | 0x1000);
        }

        Reference.SendIpi(cpu);
    }

    private void ActOnPins()
    {
        // Few pins and few vectors, so that they meet.
        var pin = random.Next(4) * 7;
        switch (random.Next(8))
        {
            case 0:
                var low = (uint)(Vector() | Mode(PinModes)) | (random.Next(2) == 0 ? 0x8000u : 0) | (random.Next(4) == 0 ? 0x800u : 0) |
                    (random.Next(6) == 0 ? 0x2000u : 0) | (random.Next(5) == 0 ? 0x1_0000u : 0);
                _board.WritePin((2 * pin) + 0x10, low | 0x5000 | 0xfffe_0000);
                Reference.WritePin(pin, high: false, low);
                break;
            case 1:
                var high = Destination(8) << 24;
                _board.WritePin((2 * pin) + 0x11, high | 0xff);
                Reference.WritePin(pin, high: true, high);
                break;
            case 2:
                var vector = random.Next(2) == 0 ? Vector() : (int)(Reference.Pins[pin].Low & 0xff);
                _board.EndAtPins(vector);
                Reference.EndAtPins(vector);
                break;
            default:
                var up = random.Next(2) == 0;
                _board.Lines[pin].Set(up);
                Reference.DrivePin(pin, up);
                break;
        }
    }

    private void ActOnLints(int cpu)
    {
        var (apic, reference) = (_board.Processors[cpu], Reference.Apics[cpu]);
        var pin = random.Next(2);
        if (reference.Mode == 0 || random.Next(2) == 0)
        {
            var up = random.Next(2) == 0;
            _board.Lint(cpu, pin).Set(up);
            reference.Drive(pin, up);
            return;
        }

        var entry = Mode(LintModes) | Vector() | (random.Next(4) == 0 ? 0x10000 : 0) | (random.Next(8) == 0 ? 0x2000 : 0);
        apic.WriteRegister(0x350 + (0x10 * pin), (uint)entry | 0x5000);
        reference.WriteLint(pin, entry);
    }

    private void ActOnTimer(int cpu)
    {
        var (apic, reference) = (_board.Processors[cpu], Reference.Apics[cpu]);
        switch (random.Next(5))
        {
            case 0:
                var entry = Vector() | (random.Next(5) switch { 0 => 0, 1 => 0x40000, _ => 0x20000 }) | (random.Next(5) == 0 ? 0x10000 : 0);
                apic.WriteRegister(0x320, (uint)entry);
                reference.Timer.WriteEntry(reference.Masked(entry));
                break;
            case 1:
                var divide = random.Next(16) & 0xb;
                apic.WriteRegister(0x3e0, (uint)divide);
                reference.Timer.WriteDivide(divide);
                break;
            case 2:
                var deadline = random.Next(6) == 0 ? 0 : reference.Timer.Now + random.Next(-50, 2_000);
                apic.Apic.WriteTscDeadline((ulong)deadline);
                reference.Timer.WriteDeadline(deadline);
                if (reference.Timer.DeadlineHasPassed())
                {
                    reference.Expire();
                }

                break;
            default:
                var count = random.Next(10) == 0 ? 0u : (uint)random.Next(1, 2_000);
                apic.WriteRegister(0x380, count);
                reference.Timer.WriteInitialCount(count);
                break;
        }
    }

    private void ActOnRegisters(int cpu)
    {
        var (apic, reference) = (_board.Processors[cpu], Reference.Apics[cpu]);
        switch (reference.IsEnabled ? random.Next(10) : 5)
        {
            case 0 when reference.Mode == 1:
                reference.Id = (uint)random.Next(8) << 24;
                apic.WriteRegister(0x20, reference.Id | 0xabcdef);
                break;
            case 1 when reference.Mode == 1:
                reference.LogicalId = (uint)random.Next(256) << 24;
                apic.WriteRegister(0xd0, reference.LogicalId | 0xabcdef);
                break;
            case 2 when reference.Mode == 1:
                reference.LogicalModel = (random.Next(8) switch { 0 => (uint)random.Next(16) << 28, 1 or 2 => 0, _ => 0xf000_0000 }) | 0x0fff_ffff;
                apic.WriteRegister(0xe0, reference.LogicalModel & 0xf000_0000);
                break;
            case 3:
                var error = Vector() | (random.Next(3) == 0 ? 0x10000 : 0);
                apic.WriteRegister(0x370, (uint)error);
                reference.WriteErrorEntry(error);
                break;
            case 4 when reference.Mode == 1:
                apic.ReadRegister(0x3f0);
                reference.DetectError(0x80);
                break;
            case 5 or 6:
                var spurious = random.Next(40) == 0 ? 0xff : 0x1ff | (random.Next(6) == 0 ? 0x1000 : 0);
                apic.WriteRegister(0xf0, (uint)spurious);
                reference.WriteSpurious(spurious);
                break;
            default:
                // Often: an error that only one side has logged is seen here alone.
                apic.WriteRegister(0x280, 0);
                reference.WriteErrorStatus();
                break;
        }
    }

    private void ActOnMode(int cpu)
    {
        var reference = Reference.Apics[cpu];
        var mode = random.Next(3);
        var allowed = (reference.Mode, mode) is not ((0, 2) or (2, 1));
        var bits = mode switch { 0 => 0ul, 1 => 0x800ul, _ => 0xc00ul } | (cpu == 0 ? 0x100ul : 0);
        Assert.Equal(allowed, _board.Processors[cpu].Apic.TrySetApicBase(0xfee0_0000 | bits));
        if (allowed)
        {
            reference.ChangeMode(mode);
        }
    }

    private void Pass(int ns)
    {
        foreach (var reference in Reference.Apics)
        {
            for (var i = 0; i < ns; i++)
            {
                if (reference.Timer.Clock())
                {
                    _expired++;
                    reference.Expire();
                }
            }
        }

        _board.Advance(ns);
    }
}
