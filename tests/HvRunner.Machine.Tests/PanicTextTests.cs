using System.Text;
using HvRunner.Machine.Diagnostics;
using HvRunner.Machine.Verdicts;

namespace HvRunner.Machine.Tests;

public class PanicTextTests
{
    private const string Words = "Kernel panic - not syncing: Attempted to kill init!";
    private const string EndWords = "---[ end Kernel panic - not syncing: Attempted to kill init! ]---";

    private readonly RunControl _control = new(ExitMap.Raw);
    private readonly Ending _ending;
    private readonly PanicText _text;
    private int _panics;

    public PanicTextTests()
    {
        _ending = new Ending(_control);
        _text = new PanicText(_control, () => _panics++);
    }

    [Theory]
    [InlineData("")]
    [InlineData("[    1.234567] ")]
    [InlineData("[    1.234567][    T1] ")]
    [InlineData("[    1.234567] [T1] ")]
    [InlineData("[0]")]
    public void Line_BehindBracketedPrefixes_Decides(string prefix)
    {
        Feed(prefix + Words + "\n");
        Assert.Equal(new Verdict(VerdictKind.Panic, Words), _control.Verdict);
        Assert.False(_ending.HasEnded);
        Assert.Equal(1, _panics);
    }

    [Theory]
    [InlineData("echo Kernel panic - not syncing: no\n")]
    [InlineData("# Kernel panic - not syncing: no\n")]
    [InlineData("[ Kernel panic - not syncing: no\n")]
    [InlineData("  Kernel panic - not syncing: no\n")]
    [InlineData("Kernel panic - syncing: no\n")]
    [InlineData("kernel panic - not syncing: no\n")]
    [InlineData("x---[ end Kernel panic ]---\n")]
    [InlineData("---[ end trace 0000000000000000 ]---\n")]
    [InlineData("Kernel panic - not syncing: without an end of line")]
    public void OtherLine_DecidesNothing(string text)
    {
        Feed(text);
        Assert.Null(_control.Verdict);
        Assert.Equal(0, _panics);
    }

    [Theory]
    [InlineData("\n")]
    [InlineData("\r\n")]
    [InlineData("\n\r")]
    [InlineData("\r\r\n")]
    public void EveryLineEnd_IsOne(string end)
    {
        Feed($"booting{end}{end}[    0.1] {Words}{end}[    0.2] {EndWords}{end}");
        Assert.Equal(new Verdict(VerdictKind.Panic, Words), _control.Verdict);
        Assert.True(_ending.HasEnded);
    }

    [Fact]
    public void Input_MayComeInPiecesOfAnySize()
    {
        var all = Encoding.ASCII.GetBytes($"[    0.1] {Words}\r\n[    0.2] {EndWords}\r\n");
        for (var size = 1; size < all.Length; size++)
        {
            var control = new RunControl(ExitMap.Raw);
            var ending = new Ending(control);
            var text = new PanicText(control, () => { });
            foreach (var piece in all.Chunk(size))
            {
                text.Feed(piece);
            }

            Assert.Equal(new Verdict(VerdictKind.Panic, Words), control.Verdict);
            Assert.True(ending.HasEnded);
        }
    }

    [Fact]
    public void EndMarkerAlone_EndsAsAPanic()
    {
        Feed(EndWords + "\n");
        Assert.Equal(VerdictKind.Panic, _control.Verdict!.Kind);
        Assert.True(_ending.HasEnded);
    }

    [Fact]
    public void LineWithoutEnd_OfAnyLength_TakesNoMoreMemory()
    {
        Feed(new string('x', 100_000));
        Feed($"\n{Words}\n");
        Assert.Equal(Words, _control.Verdict!.Sentence);
    }

    private void Feed(string text) => _text.Feed(Encoding.ASCII.GetBytes(text));
}
