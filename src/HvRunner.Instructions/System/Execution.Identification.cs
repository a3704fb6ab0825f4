// CPUID, the time-stamp counter, RDPID and RDPMC's refusal (SDM vol. 2 per instruction). Time comes from the host's IA32_TIME_STAMP_COUNTER.
// Not done: RDRAND, RDSEED, RDPMC.
using HvRunner.Abstractions;
using Iced.Intel;

namespace HvRunner.Instructions;

internal ref partial struct Execution<TMemory, THost>
{
    private const uint TimeStampCounterMsr = 0x10;
    private const uint TscAuxMsr = 0xc0000103;

    private Outcome ExecuteIdentification()
    {
        switch (_instruction.Mnemonic)
        {
            case Mnemonic.Cpuid:
                _host.TryGetCpuid((uint)_state[GeneralRegister.Rax], (uint)_state[GeneralRegister.Rcx], out var leaf);
                _state[GeneralRegister.Rax] = leaf.Eax;
                _state[GeneralRegister.Rbx] = leaf.Ebx;
                _state[GeneralRegister.Rcx] = leaf.Ecx;
                _state[GeneralRegister.Rdx] = leaf.Edx;
                return Outcome.Done;
            case Mnemonic.Rdtsc or Mnemonic.Rdtscp:
                return ReadTimeStamp();
            case Mnemonic.Rdpid:
                if (!_host.TryReadMsr(TscAuxMsr, out var processor))
                {
                    return UndefinedOpcode();
                }

                WriteRegister(_instruction.Op0Register, (uint)processor);
                return Outcome.Done;
            default:
                return Outcome.Elsewhere;
        }
    }

    private Outcome ReadTimeStamp()
    {
        if (_cpl != 0 && (_state.Cr4 & ControlBit.Cr4Tsd) != 0)
        {
            return GeneralProtection();
        }

        if (!_host.TryReadMsr(TimeStampCounterMsr, out var time))
        {
            return Outcome.Unsupported;
        }

        if (_instruction.Mnemonic == Mnemonic.Rdtscp)
        {
            if (!_host.TryReadMsr(TscAuxMsr, out var processor))
            {
                return UndefinedOpcode();
            }

            _state[GeneralRegister.Rcx] = (uint)processor;
        }

        _state[GeneralRegister.Rax] = (uint)time;
        _state[GeneralRegister.Rdx] = time >> 32;
        return Outcome.Done;
    }
}
