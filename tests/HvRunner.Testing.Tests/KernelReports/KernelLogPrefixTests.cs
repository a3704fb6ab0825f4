using HvRunner.Testing.KernelReports;

namespace HvRunner.Testing.Tests.KernelReports;

public class KernelLogPrefixTests
{
    [Theory]
    [InlineData("[    1.234567] ", "text")]
    [InlineData("[    1.234567] ", "  text")]
    [InlineData("[    1.234567]", "text")]
    [InlineData("[    1.234567][    T1] ", " text")]
    [InlineData("[    1.234567] [    C1] ", "text")]
    [InlineData("<6>", " text")]
    [InlineData("<6>[0] ", "text")]
    [InlineData("<191>", "text")]
    [InlineData("kern  :notice: ", "text")]
    [InlineData("user  :info  : ", "[text] x")]
    [InlineData("[1] ", "[x] text")]
    [InlineData("[    1.234567] ", "")]
    [InlineData("", "text")]
    [InlineData("", "")]
    [InlineData("", "[")]
    [InlineData("", "[]")]
    [InlineData("", "[    1.234567")]
    [InlineData("", "[T] text")]
    [InlineData("", "[x1] text")]
    [InlineData("", "<> text")]
    [InlineData("", "<6 text")]
    [InlineData("", "<1234>text")]
    [InlineData("", " [    1.234567] text")]
    [InlineData("", "kern: info: text")]
    [InlineData("", "a text: with c: in it")]
    public void Prefix_EndsWhereTheTextBegins(string prefix, string text) => Assert.Equal(prefix.Length, KernelLogPrefix.Length(prefix + text));

    [Theory]
    [InlineData("ok 1[   12.3] x", 4)]
    [InlineData("ok 1[    1.234567] x", 4)]
    [InlineData("ok 1[12345.234567][    T1] x", 4)]
    [InlineData("ok [x] [    1.234567] x", 7)]
    [InlineData("ok [[    1.234567] x", 4)]
    [InlineData("ok 1[1.5] x", -1)]
    [InlineData("ok 1[    1.] x", -1)]
    [InlineData("ok 1[     .5] x", -1)]
    [InlineData("ok 1[    T1] x", -1)]
    [InlineData("ok 1[    1.2.3] x", -1)]
    [InlineData("[    1.234567] x", -1)]
    [InlineData("", -1)]
    public void TimeStampWithin_IsFound(string text, int at) => Assert.Equal(at, KernelLogPrefix.IndexOfTimeStamp(text));
}
