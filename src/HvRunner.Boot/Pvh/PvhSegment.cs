using HvRunner.Abstractions;

namespace HvRunner.Boot.Pvh;

/// <summary>A PT_LOAD segment that takes memory: goes to its physical address, whatever its virtual one is.</summary>
/// <param name="Index">Its number among the program headers, as messages and readelf count.</param>
/// <param name="Memory">Where it goes, zero-filled tail included; never empty, never wraps.</param>
/// <param name="FileOffset">Where its bytes start in the file.</param>
/// <param name="FileSize">How many there are, in bytes; at most the memory's.</param>
/// <param name="Flags">p_flags: 1 executable, 2 writable, 4 readable. PVH enters with paging off, so nothing enforces them.</param>
public readonly record struct PvhSegment(int Index, GuestRange Memory, long FileOffset, long FileSize, uint Flags);
