// Debug registers: MOV from and to them, breakpoints on instructions, data and ports (SDM vol. 3B, 18.2 and 18.3). Breakpoints are looked at
// only with ExecutorOptions.DebugChecks. A condition on data is noted while the instruction runs and becomes a trap when it completes.
// A breakpoint that MOV SS or POP SS hits in memory traps at once, without waiting for the next instruction.
// Not done: DR6 bits of breakpoints that are not enabled (which the manual leaves open), task-switch traps, LBR and BTF.
using HvRunner.Abstractions;

namespace HvRunner.Instructions;

internal ref partial struct Execution<TMemory, THost>
{
    private bool _debugLoaded;

    // Breakpoints are checked at all; at least one of them is on data, or on ports.
    private bool _watchesDebug;
    private bool _watchesData;
    private bool _watchesPorts;

    /// <summary>Prepares breakpoint checks. Answers a fault when the instruction at RIP has a breakpoint that RF does not hold off.</summary>
    public Outcome BeginDebugChecks()
    {
        _watchesDebug = true;
        LoadDebugRegisters();
        var control = (uint)_state.Debug[7];
        if ((control & 0xff) == 0)
        {
            return Outcome.Done;
        }

        uint hits = 0;
        var linear = _is64 ? _state.Rip : (uint)(_state.Segments[(int)SegmentName.Cs].Base + _state.Rip);
        for (var i = 0; i < 4; i++)
        {
            if ((control & (3u << (2 * i))) == 0)
            {
                continue;
            }

            switch ((control >> (16 + (4 * i))) & 3)
            {
                case 0:
                    hits |= _state.Debug[i] == linear ? 1u << i : 0;
                    break;
                case 2:
                    _watchesPorts |= (_state.Cr4 & ControlBit.Cr4De) != 0;
                    break;
                default:
                    _watchesData = true;
                    break;
            }
        }

        if (hits == 0 || (_state.Rflags & Flag.Resume) != 0)
        {
            return Outcome.Done;
        }

        _debugCause = hits;
        return Raise(ExceptionVector.Debug);
    }

    /// <summary>Notes data breakpoints that an access touches: writes (1), reads and writes (3).</summary>
    private void NoteData(ulong linear, int size, Access access)
    {
        for (var i = 0; i < 4; i++)
        {
            var condition = BreakCondition(i);
            if (condition == 3 || (condition == 1 && (access & Access.Write) != 0))
            {
                NoteOverlap(i, linear, size);
            }
        }
    }

    private void NotePort(ushort port, int size)
    {
        for (var i = 0; _watchesPorts && i < 4; i++)
        {
            if (BreakCondition(i) == 2)
            {
                NoteOverlap(i, port, size);
            }
        }
    }

    /// <summary>The R/W field of an enabled breakpoint, 0 for one that is off.</summary>
    private readonly uint BreakCondition(int index)
    {
        var control = (uint)_state.Debug[7];
        return (control & (3u << (2 * index))) == 0 ? 0 : (control >> (16 + (4 * index))) & 3;
    }

    private void NoteOverlap(int index, ulong first, int size)
    {
        // Lengths 1, 2, 8, 4; the address counts from its natural boundary.
        var length = (((uint)_state.Debug[7] >> (18 + (4 * index))) & 3) switch { 0 => 1UL, 1 => 2UL, 2 => 8UL, _ => 4UL };
        var start = _state.Debug[index] & ~(length - 1);
        if (first - start < length || start - first < (ulong)size)
        {
            _debugCause |= 1u << index;
        }
    }

    private void LoadDebugRegisters()
    {
        if (!_debugLoaded)
        {
            _host.LoadDebug(_state);
            _debugLoaded = true;
        }
    }

    private Outcome MoveDebugRegister(int index, bool isWrite)
    {
        // DR4 and DR5 are DR6 and DR7 unless CR4.DE forbids them.
        if (index is 4 or 5)
        {
            if ((_state.Cr4 & ControlBit.Cr4De) != 0)
            {
                return UndefinedOpcode();
            }

            index += 2;
        }

        LoadDebugRegisters();
        if ((_state.Debug[7] & DebugBit.GeneralDetect) != 0)
        {
            _debugCause = DebugBit.AccessDetected;
            return Raise(ExceptionVector.Debug);
        }

        if (!isWrite)
        {
            WriteRegister(_instruction.Op0Register, _state.Debug[index]);
            return Outcome.Done;
        }

        var value = ReadRegister(_instruction.Op1Register);
        if (index >= 6 && value >> 32 != 0)
        {
            return GeneralProtection();
        }

        // Fixed bits (SDM vol. 3B, 18.2.3 and 18.2.4).
        _state.Debug[index] = index switch
        {
            6 => (value & 0xe00f) | DebugBit.Dr6Fixed,
            7 => (value & 0xffff_2fff) | 0x400,
            _ => value,
        };
        _changed |= StateParts.Debug;
        return Outcome.Done;
    }
}
