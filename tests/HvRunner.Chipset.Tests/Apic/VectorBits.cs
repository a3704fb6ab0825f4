namespace HvRunner.Chipset.Tests.Apic;

/// <summary>A set of vectors for the references, as the registers show it.</summary>
internal sealed class VectorBits
{
    private readonly uint[] _words = new uint[8];

    public ReadOnlySpan<uint> Words => _words;

    public bool Has(int vector) => (_words[vector / 32] & (1u << (vector % 32))) != 0;

    public void Add(int vector) => _words[vector / 32] |= 1u << (vector % 32);

    public void Remove(int vector) => _words[vector / 32] &= ~(1u << (vector % 32));

    public void Clear() => Array.Clear(_words);

    /// <summary>The highest vector in the set, or -1.</summary>
    public int Highest()
    {
        for (var vector = 255; vector >= 0; vector--)
        {
            if (_words[vector / 32] == 0)
            {
                vector -= vector % 32;
            }
            else if (Has(vector))
            {
                return vector;
            }
        }

        return -1;
    }
}
