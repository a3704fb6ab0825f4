// CPUID, the time-stamp counter, RDPID, RDRAND and RDSEED (SDM vol. 2 per instruction). Time and random numbers come from the host; random
// numbers are never short, so CF is always 1.
using HvRunner.Abstractions;
using Iced.Intel;

namespace HvRunner.Instructions;

internal ref partial struct Execution<TMemory, THost>
{
    private Outcome ExecuteIdentification()
    {
        switch (_instruction.Mnemonic)
        {
            case Mnemonic.Cpuid:
                Identify();
                return Outcome.Done;
            case Mnemonic.Rdrand or Mnemonic.Rdseed:
                WriteRegister(_instruction.Op0Register, _host.NextRandom());
                _state.Rflags = (_state.Rflags & ~Flag.Status) | Flag.Carry;
                return Outcome.Done;
            case Mnemonic.Rdtsc or Mnemonic.Rdtscp:
                return ReadTimeStamp();
            case Mnemonic.Rdpid:
                if (!_host.TryReadMsr(Msr.TscAux, out var processor))
                {
                    return UndefinedOpcode();
                }

                WriteRegister(_instruction.Op0Register, (uint)processor);
                return Outcome.Done;
            default:
                return Outcome.Elsewhere;
        }
    }

    /// <summary>The host's leaf, with the bits that follow the processor's own state: OSXSAVE, and the sizes that XCR0 and IA32_XSS ask for.</summary>
    private void Identify()
    {
        var function = (uint)_state[GeneralRegister.Rax];
        var index = (uint)_state[GeneralRegister.Rcx];
        _host.TryGetCpuid(function, index, out var leaf);
        var (ebx, ecx) = (leaf.Ebx, leaf.Ecx);
        if (function == 1)
        {
            const uint Xsave = 1 << 26;
            const uint OsXsave = 1 << 27;
            ecx &= ~OsXsave;
            ecx |= (ecx & Xsave) != 0 && (_state.Cr4 & ControlBit.Cr4Osxsave) != 0 ? OsXsave : 0;
        }
        else if (function == 0xd && index == 0 && leaf.Eax != 0)
        {
            ebx = (uint)StandardSize();
        }

        _state[GeneralRegister.Rax] = leaf.Eax;
        _state[GeneralRegister.Rbx] = ebx;
        _state[GeneralRegister.Rcx] = ecx;
        _state[GeneralRegister.Rdx] = leaf.Edx;
    }

    /// <summary>Bytes of the standard-format image for the components that XCR0 enables.</summary>
    private int StandardSize()
    {
        Extended();
        var size = XsaveLayout.FirstExtended;
        for (var i = 2; i < ProcessorFeatures.ComponentCount; i++)
        {
            ref readonly var part = ref _features.Component(i);
            if ((_state.Extended.Xcr0 & (1UL << i)) != 0 && !part.IsSupervisor)
            {
                size = Math.Max(size, part.Offset + part.SizeBytes);
            }
        }

        return size;
    }

    private Outcome ReadTimeStamp()
    {
        if (_cpl != 0 && (_state.Cr4 & ControlBit.Cr4Tsd) != 0)
        {
            return GeneralProtection();
        }

        if (_instruction.Mnemonic == Mnemonic.Rdtscp)
        {
            if (!_host.TryReadMsr(Msr.TscAux, out var processor))
            {
                return UndefinedOpcode();
            }

            _state[GeneralRegister.Rcx] = (uint)processor;
        }

        WritePair(_host.ReadTimestamp());
        return Outcome.Done;
    }
}
