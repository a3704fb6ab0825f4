namespace HvRunner.Soft;

/// <summary>
/// The numbers of RDRAND and RDSEED where two runs must be the same: a 64-bit counter with a golden-ratio stride, mixed (SplitMix64), from a constant seed.
/// Never for secrets, which a guest with a virtual clock has none of.
/// </summary>
internal sealed class RepeatableRandom
{
    private const ulong Seed = 0x6876_7275_6e20_7631;
    private const ulong Stride = 0x9e37_79b9_7f4a_7c15;

    private ulong _counter = Seed;

    internal ulong Next()
    {
        _counter = unchecked(_counter + Stride);
        var mixed = _counter;
        mixed = unchecked((mixed ^ (mixed >> 30)) * 0xbf58_476d_1ce4_e5b9);
        mixed = unchecked((mixed ^ (mixed >> 27)) * 0x94d0_49bb_1331_11eb);
        return mixed ^ (mixed >> 31);
    }
}
