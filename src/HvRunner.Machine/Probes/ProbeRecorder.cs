using System.Diagnostics;
using HvRunner.Chipset.Serial;

namespace HvRunner.Machine.Probes;

/// <summary>
/// Keeps what the probe says with the time at which each byte arrived. It takes a bounded number of bytes and drops what comes behind them, so a
/// guest that never falls silent costs nothing. Written by the vCPU's thread; read when the run is over.
/// </summary>
internal sealed class ProbeRecorder : ISerialOutput
{
    private const int CapacityBytes = 4096;

    private readonly byte[] _bytes = new byte[CapacityBytes];
    private readonly long[] _timestamps = new long[CapacityBytes];
    private int _count;

    public void Write(ReadOnlySpan<byte> data)
    {
        var now = Stopwatch.GetTimestamp();
        foreach (var value in data)
        {
            if (_count == CapacityBytes)
            {
                return;
            }

            _bytes[_count] = value;
            _timestamps[_count++] = now;
        }
    }

    internal IReadOnlyList<ProbeLine> Lines() => ProbeLine.Split(_bytes.AsSpan(0, _count), _timestamps.AsSpan(0, _count));
}
