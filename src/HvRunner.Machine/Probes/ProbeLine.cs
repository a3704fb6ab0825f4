using System.Text;

namespace HvRunner.Machine.Probes;

/// <summary>One line of the probe, with Stopwatch time stamps.</summary>
/// <param name="Text">Without its end.</param>
/// <param name="First">When its first byte arrived.</param>
/// <param name="End">When its line feed arrived.</param>
internal readonly record struct ProbeLine(string Text, long First, long End)
{
    /// <summary>The lines that came to their end; a last one without line feed is left out.</summary>
    internal static IReadOnlyList<ProbeLine> Split(ReadOnlySpan<byte> bytes, ReadOnlySpan<long> timestamps)
    {
        var lines = new List<ProbeLine>();
        var start = 0;
        for (var i = 0; i < bytes.Length; i++)
        {
            if (bytes[i] == '\n')
            {
                lines.Add(new ProbeLine(Encoding.Latin1.GetString(bytes[start..i]), timestamps[start], timestamps[i]));
                start = i + 1;
            }
        }

        return lines;
    }
}
