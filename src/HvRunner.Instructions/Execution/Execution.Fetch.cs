// Instruction fetch: CS:RIP through segmentation and paging, then the decoder (SDM vol. 3A, 5.3 and 4.6; vol. 2, 2.3.11).
// The second page is touched only when the bytes of the first do not make a whole instruction, as the processor's faults show it.
// Not done: checking the bytes against a later write by the same instruction (self-modifying code is seen by the next step).
using HvRunner.Abstractions;
using Iced.Intel;

namespace HvRunner.Instructions;

internal ref partial struct Execution<TMemory, THost>
{
    /// <summary>Fetches and decodes the instruction at CS:RIP.</summary>
    public Outcome Fetch(InstructionFetch fetch)
    {
        ref var cs = ref _state.Segments[(int)SegmentName.Cs];
        var bitness = _is64 ? 64 : cs.Default32 ? 32 : 16;
        var rip = _state.Rip;
        var available = (ulong)InstructionFetch.MaximumLength;
        var linear = rip;
        if (!_is64)
        {
            rip = (uint)rip;
            if (rip > cs.Limit)
            {
                return GeneralProtection();
            }

            available = Math.Min(available, cs.Limit - rip + 1UL);
            linear = (uint)(cs.Base + rip);
        }
        else if (!IsCanonical(rip))
        {
            return GeneralProtection();
        }

        var first = (int)Math.Min(available, 4096 - (linear & 4095));
        if (!TryFetchPage(linear, fetch.Bytes[..first]))
        {
            return Outcome.Fault;
        }

        fetch.Count = first;
        var error = fetch.Decode(bitness, rip, out _instruction);
        if (error == DecoderError.NoMoreBytes && first < (int)available)
        {
            if (_is64 && fetch.EndsInUndefinedOpcode(first))
            {
                return UndefinedOpcode();
            }

            // The instruction goes on in the next page; its own fault, if any, carries that page's address.
            var next = _is64 ? linear + (ulong)first : (uint)(linear + (ulong)first);
            if (_is64 && !IsCanonical(next))
            {
                return GeneralProtection();
            }

            if (!TryFetchPage(next, fetch.Bytes[first..(int)available]))
            {
                return Outcome.Fault;
            }

            fetch.Count = (int)available;
            error = fetch.Decode(bitness, rip, out _instruction);
        }

        return error switch
        {
            DecoderError.None => Outcome.Done,

            // Longer than 15 bytes, or beyond the limit of CS.
            DecoderError.NoMoreBytes => GeneralProtection(),
            _ => UndefinedOpcode(),
        };
    }

    private bool TryFetchPage(ulong linear, Span<byte> bytes)
    {
        if (!TryTranslatePage(linear, Access.Fetch, out var physical))
        {
            return false;
        }

        ReadPhysical(physical, bytes);
        return true;
    }
}
