using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using HvRunner.Abstractions;

namespace HvRunner.Instructions;

/// <summary>One range of guest RAM with the host address of its first byte: the only source of host addresses in translated code.</summary>
internal readonly record struct RamBank(ulong Start, ulong SizeBytes, nint Host)
{
    public static unsafe RamBank[] Of(IGuestMemory memory)
    {
        var banks = new RamBank[memory.Ranges.Count];
        for (var i = 0; i < banks.Length; i++)
        {
            var range = memory.Ranges[i];
            if (((range.Start.Value | range.SizeBytes) & 4095) != 0)
            {
                throw new ArgumentException($"guest RAM must consist of whole pages, {range} does not", nameof(memory));
            }

            if (!memory.TryGetWritableSpan(range.Start, 1, out var span))
            {
                throw new ArgumentException($"guest RAM does not answer at the start of its own range {range}", nameof(memory));
            }

            banks[i] = new RamBank(range.Start.Value, range.SizeBytes, (nint)Unsafe.AsPointer(ref MemoryMarshal.GetReference(span)));
        }

        return banks;
    }
}
