using System.Diagnostics;
using System.Text;
using HvRunner.Machine.Probes;

namespace HvRunner.Machine.Tests.Probes;

/// <summary>What a probe said, with invented times: each byte of a line takes as long as the one before, and pauses are put in between.</summary>
internal sealed class ProbeTalk
{
    private readonly List<byte> _bytes = [];
    private readonly List<long> _timestamps = [];
    private readonly double _byteUs;
    private double _nowUs;

    internal ProbeTalk(double byteUs) => _byteUs = byteUs;

    internal ProbeTalk Say(params ReadOnlySpan<string> lines)
    {
        foreach (var line in lines)
        {
            SayPart(line + "\n");
        }

        return this;
    }

    internal ProbeTalk SayPart(string text)
    {
        foreach (var value in Encoding.ASCII.GetBytes(text))
        {
            _nowUs += _byteUs;
            _bytes.Add(value);
            _timestamps.Add((long)(_nowUs * Stopwatch.Frequency / 1e6));
        }

        return this;
    }

    internal ProbeTalk Pause(double us)
    {
        _nowUs += us;
        return this;
    }

    /// <summary>The measuring loops of a ring 0 of this speed; <paramref name="disturbed"/> adds to each but the last of its length.</summary>
    internal ProbeTalk Loops(double instructionsPerUs, double disturbed = 0)
    {
        Say("tsc 96dd8953a04");
        for (var round = 0; round < 3; round++)
        {
            var extra = round == 2 ? 0 : disturbed;
            Say("loop 1000").Pause((1000 / instructionsPerUs) + extra).Say("end");
            Say("loop 6000").Pause((6000 / instructionsPerUs) + (extra * 2)).Say("end");
        }

        return Say("tsc 96ddbaf3972");
    }

    internal HostProbeResult Read(long completed = 0) => ProbeReading.Read(ProbeLine.Split(_bytes.ToArray(), _timestamps.ToArray()), completed);
}
