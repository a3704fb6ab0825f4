using HvRunner.Chipset.Serial;

namespace HvRunner.Launch;

/// <summary>What a guest's console is connected to; whoever launches a run owns it.</summary>
/// <param name="Output">Where the first serial port's bytes go.</param>
/// <param name="Input">Where it gets its input.</param>
/// <param name="DebugOutput">Where port 0xe9 goes; null leaves it out of the machine.</param>
/// <param name="Release">Frees whoever waits for space in an output: the run must end although bytes are left. Any thread, more than once.</param>
public sealed record GuestConsole(ISerialOutput Output, ISerialInput Input, ISerialOutput? DebugOutput, Action Release);
