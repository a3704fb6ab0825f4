using System.Globalization;

namespace HvRunner.Machine;

/// <summary>How much a guest did in some time.</summary>
/// <param name="Exits">How often it left to the hypervisor by its own doing, over all vCPUs.</param>
/// <param name="Instructions">Instructions that it executed, over all vCPUs; null where nobody counts them.</param>
public readonly record struct GuestProgress(long Exits, long? Instructions)
{
    /// <summary>As in "812 exits and 93,000,000 instructions".</summary>
    public override string ToString() => Instructions is { } instructions ? $"{Count(Exits, "exit")} and {Count(instructions, "instruction")}" : Count(Exits, "exit");

    private static string Count(long number, string noun) => string.Create(CultureInfo.InvariantCulture, $"{number:N0} {noun}{(number == 1 ? "" : "s")}");
}

/// <summary>What a guest has done, seen while it runs.</summary>
/// <param name="Elapsed">Since the first guest entry; zero before it.</param>
/// <param name="Total">In all that time.</param>
/// <param name="LastSecond">In the last second of it; in all of it, where that is shorter.</param>
public readonly record struct MachineProgress(TimeSpan Elapsed, GuestProgress Total, GuestProgress LastSecond);
