using HvRunner.Abstractions;

namespace HvRunner.Chipset.Tests;

/// <summary>A snapshot that somebody has changed: the device refuses it or takes it, and nothing else.</summary>
internal static class DamagedState
{
    /// <summary>Gives the device its own state with bytes behind the header replaced; when it refuses, its own. True when it refused.</summary>
    internal static bool LoadDamaged(this IStateful device, Random random, int bytes)
    {
        var state = device.SavedState();
        var damaged = (byte[])state.Clone();
        var header = 1 + state[0] + 1;
        for (var i = 0; i < bytes && damaged.Length > header; i++)
        {
            damaged[random.Next(header, damaged.Length)] = (byte)random.Next(256);
        }

        try
        {
            device.LoadState(damaged);
            return false;
        }
        catch (StateFormatException)
        {
            device.LoadState(state);
            return true;
        }
    }
}
