namespace HvRunner.Hardware.Tests.Instances;

/// <summary>A fast random source whose sequence is fixed by its seed on every host (xoshiro256**, seeded through splitmix64).</summary>
internal sealed class Dice
{
    private ulong _a;
    private ulong _b;
    private ulong _c;
    private ulong _d;

    public Dice(ulong seed)
    {
        _a = Mix(ref seed);
        _b = Mix(ref seed);
        _c = Mix(ref seed);
        _d = Mix(ref seed);
    }

    public ulong Next()
    {
        var result = ulong.RotateLeft(_b * 5, 7) * 9;
        var t = _b << 17;
        _c ^= _a;
        _d ^= _b;
        _b ^= _c;
        _a ^= _d;
        _c ^= t;
        _d = ulong.RotateLeft(_d, 45);
        return result;
    }

    /// <summary>A number from 0 up to, but not including, <paramref name="limit"/>.</summary>
    public int Below(int limit) => (int)((UInt128)Next() * (ulong)limit >> 64);

    /// <summary>A number between both, inclusive.</summary>
    public int Between(int first, int last) => first + Below(last - first + 1);

    public bool OneIn(int n) => Below(n) == 0;

    public bool Percent(int n) => Below(100) < n;

    public T Of<T>(ReadOnlySpan<T> choices) => choices[Below(choices.Length)];

    private static ulong Mix(ref ulong state)
    {
        state += 0x9e37_79b9_7f4a_7c15;
        var z = state;
        z = (z ^ (z >> 30)) * 0xbf58_476d_1ce4_e5b9;
        z = (z ^ (z >> 27)) * 0x94d0_49bb_1331_11eb;
        return z ^ (z >> 31);
    }
}
