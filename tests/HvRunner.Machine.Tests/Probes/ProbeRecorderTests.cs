using System.Text;
using HvRunner.Machine.Probes;

namespace HvRunner.Machine.Tests.Probes;

public sealed class ProbeRecorderTests
{
    [Fact]
    public void Lines_CarryTheTimesOfTheirFirstAndLastByte()
    {
        var recorder = new ProbeRecorder();
        recorder.Write("a"u8);
        recorder.Write("b\n"u8);
        recorder.Write("rest"u8);

        var line = Assert.Single(recorder.Lines());
        Assert.Equal("ab", line.Text);
        Assert.True(line.First <= line.End);
    }

    [Fact]
    public void EndlessTalk_IsCutOff()
    {
        var recorder = new ProbeRecorder();
        for (var i = 0; i < 100_000; i++)
        {
            recorder.Write(Encoding.ASCII.GetBytes("probe 1\n"));
        }

        Assert.Equal(512, recorder.Lines().Count);
    }
}
