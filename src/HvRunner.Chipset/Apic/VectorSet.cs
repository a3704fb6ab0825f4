using System.Numerics;
using System.Runtime.CompilerServices;
using HvRunner.Abstractions;

namespace HvRunner.Chipset.Apic;

/// <summary>A set of interrupt vectors, as IRR, ISR and TMR are: 256 bits, shown to the guest as eight 32-bit registers.</summary>
internal struct VectorSet
{
    private const int Words = 4;
    private const int BitsPerWord = 64;

    private Bits _bits;

    /// <summary>The highest vector in the set, or -1.</summary>
    public readonly int Highest
    {
        get
        {
            for (var i = Words - 1; i >= 0; i--)
            {
                if (_bits[i] != 0)
                {
                    return (i * BitsPerWord) + BitOperations.Log2(_bits[i]);
                }
            }

            return -1;
        }
    }

    public readonly bool Contains(int vector) => (_bits[vector / BitsPerWord] & Bit(vector)) != 0;

    /// <summary>Adds the vector; false when it was there.</summary>
    public bool Add(int vector)
    {
        var added = !Contains(vector);
        _bits[vector / BitsPerWord] |= Bit(vector);
        return added;
    }

    public void Remove(int vector) => _bits[vector / BitsPerWord] &= ~Bit(vector);

    /// <summary>Vectors 32 * index and up, as a register shows them.</summary>
    public readonly uint Register(int index) => (uint)(_bits[index / 2] >> (32 * (index % 2)));

    public readonly void Save(StateWriter writer)
    {
        for (var i = 0; i < Words; i++)
        {
            writer.UInt64(_bits[i]);
        }
    }

    /// <summary>Reads what <see cref="Save"/> wrote, without vectors that no APIC can hold.</summary>
    public static VectorSet Load(StateReader reader)
    {
        var set = default(VectorSet);
        for (var i = 0; i < Words; i++)
        {
            set._bits[i] = reader.UInt64();
        }

        set._bits[0] &= ~0UL << LocalApicLimits.FirstVector;
        return set;
    }

    private static ulong Bit(int vector) => 1UL << (vector % BitsPerWord);

    [InlineArray(Words)]
    private struct Bits
    {
        private ulong _first;
    }
}
