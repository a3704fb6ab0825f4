using System.Text;
using HvRunner.Testing.Console;

namespace HvRunner.Testing.Tests.Console;

/// <summary>A console's bytes as text, rule by rule, and each rule with the bytes cut at every place.</summary>
public class ConsoleDecoderTests
{
    [Theory]
    [InlineData("a\r\nb", "a\nb")]
    [InlineData("a\r\r\nb", "a\nb")]
    [InlineData("a\rb\r", "ab")]
    [InlineData("a\n\rb", "a\nb")]
    [InlineData("\n\n\t", "\n\n\t")]
    [InlineData("a\0b\ac\bd\ve\ff\u000eg\u000fh\u007fi\u001aj\u0018k", "abcdefghijk")]
    [InlineData("a\u0084b\u0085c\u009cd\u00a0e", "abcd\u00a0e")]
    public void Control_OfNoUse_IsDropped(string said, string expected) => AssertText(said, expected);

    [Theory]
    [InlineData("\u001b[31mred\u001b[0m", "red")]
    [InlineData("\u001b[38;5;1m\u001b[Kx", "x")]
    [InlineData("\u001b[?25l\u001b[>0;1c\u001b[ q\u001b[!px", "x")]
    [InlineData("a\u009b1;2Hb", "ab")]
    [InlineData("a\u001b[1\u00012\u007f3\rmb", "ab")]
    [InlineData("\u001b[1\u001b[2mx", "x")]
    [InlineData("\u001b[1\u009b2mx", "x")]
    public void ControlSequence_IsRemoved(string said, string expected) => AssertText(said, expected);

    [Theory]
    [InlineData("a\u001b]0;title\ab", "ab")]
    [InlineData("a\u001b]0;title\u001b\\b", "ab")]
    [InlineData("a\u001b]0;title\u009cb", "ab")]
    [InlineData("a\u009d0;title\ab", "ab")]
    [InlineData("a\u001b]8;;http://x/\u001b\\link\u001b]8;;\u001b\\b", "alinkb")]
    [InlineData("a\u001b]\ab", "ab")]
    [InlineData("a\u001b]0;\u00fcml\u00e4ut\ab", "ab")]
    [InlineData("a\u001b]Rb", "ab")]
    [InlineData("a\u001b]P01fF2a3b", "ab")]
    [InlineData("a\u001b]P01xb", "axb")]
    public void Command_IsRemoved(string said, string expected) => AssertText(said, expected);

    [Theory]
    [InlineData("a\u001bP1$r0m\u001b\\b", "ab")]
    [InlineData("a\u001bP1\a2\u001b\\b", "ab")]
    [InlineData("a\u001b_G\u001b\\b", "ab")]
    [InlineData("a\u001b^m\u001b\\b", "ab")]
    [InlineData("a\u001bXs\u001b\\b", "ab")]
    [InlineData("a\u0090q\u009cb\u0098q\u009cc\u009eq\u009cd\u009fq\u009ce", "abcde")]
    [InlineData("a\u001bPtmux;\u001b\u001b]0;t\a\u001b\\b", "ab")]
    public void ControlString_IsRemoved(string said, string expected) => AssertText(said, expected);

    [Theory]
    [InlineData("a\u001b7b\u001b8c\u001bMd\u001b=e\u001bcf", "abcdef")]
    [InlineData("a\u001b(Bb\u001b)0c\u001b%Gd\u001b#8e\u001b Ff\u001b$(Cg", "abcdefg")]
    [InlineData("a\u001b\u001b[mb", "ab")]
    public void ShortEscape_IsRemoved(string said, string expected) => AssertText(said, expected);

    [Theory]
    [InlineData("a\u001b[12\u0018mb", "amb")]
    [InlineData("a\u001b]0;t\u001ab", "ab")]
    [InlineData("a\u001bP\u0018b", "ab")]
    [InlineData("a\u001b\u001ab", "ab")]
    [InlineData("a\u001b[12\nmb", "a\nmb")]
    [InlineData("a\u001b]0;t\nb", "a\nb")]
    [InlineData("a\u001bPq\r\nb", "a\nb")]
    [InlineData("a\u001b\nb", "a\nb")]
    [InlineData("a\u001b(\nb", "a\nb")]
    [InlineData("a\u001b[12\u00e9b", "a\u00e9b")]
    [InlineData("a\u001b\u00e9b", "a\u00e9b")]
    [InlineData("a\u001b(\u00e9b", "a\u00e9b")]
    public void BrokenSequence_IsGivenUp(string said, string expected) => AssertText(said, expected);

    [Theory]
    [InlineData("\u001b[", EscapeSequence.MaxControlChars)]
    [InlineData("\u009b", EscapeSequence.MaxControlChars)]
    [InlineData("\u001b]", EscapeSequence.MaxStringChars)]
    [InlineData("\u001bP", EscapeSequence.MaxStringChars)]
    [InlineData("\u001b_", EscapeSequence.MaxStringChars)]
    public void EndlessSequence_LosesNoMoreThanItsLimit(string introducer, int limit)
    {
        Assert.Equal("", Decode(Encoding.UTF8.GetBytes(introducer + new string('1', limit)), 7));
        Assert.Equal("12", Decode(Encoding.UTF8.GetBytes(introducer + new string('1', limit) + "12"), 7));
    }

    [Fact]
    public void IntermediatesWithoutEnd_LoseNoMoreThanTheLimit() =>
        Assert.Equal("((", Decode(Encoding.UTF8.GetBytes("\u001b(" + new string('(', EscapeSequence.MaxControlChars + 2)), 7));

    [Theory]
    [InlineData("61 80 62")] // a continuation alone
    [InlineData("61 c3")] // cut at the end
    [InlineData("61 c3 62")] // and before a letter
    [InlineData("61 e2 82 62")]
    [InlineData("61 f0 9f 98 62")]
    [InlineData("f0 9f 98")]
    [InlineData("c0 af 62")] // overlong
    [InlineData("e0 80 af 62")]
    [InlineData("f0 80 80 af 62")]
    [InlineData("ed a0 80 ed b0 80 62")] // surrogates
    [InlineData("f4 90 80 80 62")] // above U+10FFFF
    [InlineData("f5 80 80 80 fe ff 62")]
    [InlineData("e2 e2 82 ac e2 0a 62")]
    [InlineData("f0 9f 98 80 ef bb bf 62")] // what is valid, byte order mark included
    [InlineData("f1 80 c3 a9 f1 80 80 f1 80 80")]
    public void InvalidUtf8_IsReplacedAsEncodingDoes(string hex)
    {
        var bytes = Convert.FromHexString(hex.Replace(" ", ""));
        var expected = Encoding.UTF8.GetString(bytes);
        for (var size = 1; size <= bytes.Length; size++)
        {
            Assert.Equal(expected, Decode(bytes, size));
        }
    }

    [Fact]
    public void Finish_ForgetsWhatWasOpen()
    {
        var decoder = new ConsoleDecoder();
        Assert.Equal("", Feed(decoder, [0x1b, (byte)'[', 0xf0, 0x9f]));
        Assert.Equal("\ufffd", decoder.Finish().ToString());
        Assert.Equal("12m", Feed(decoder, "12m"u8));
        Assert.Equal("", decoder.Finish().ToString());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void RandomBytes_AreTheSameTextInWhateverPieces(int seed)
    {
        var random = new Random(seed);
        byte[] common = [0x1b, (byte)'[', (byte)']', (byte)'P', (byte)'(', (byte)'m', (byte)'1', (byte)'R', 7, (byte)'\r', (byte)'\n', 0x18, 0x9b, 0x9c, 0xc2, 0xe2, 0xf0, 0x9f];
        for (var round = 0; round < 2000; round++)
        {
            var bytes = new byte[random.Next(1, 60)];
            for (var i = 0; i < bytes.Length; i++)
            {
                bytes[i] = random.Next(4) == 0 ? (byte)random.Next(256) : common[random.Next(common.Length)];
            }

            var whole = Decode(bytes, bytes.Length);
            Assert.DoesNotContain(whole, value => char.IsControl(value) && value is not ('\n' or '\t'));
            Assert.Equal(bytes.Count(value => value == '\n'), whole.Count(value => value == '\n'));
            var decoder = new ConsoleDecoder();
            var pieces = new StringBuilder();
            for (var at = 0; at < bytes.Length;)
            {
                var size = random.Next(0, bytes.Length - at + 1);
                _ = pieces.Append(Feed(decoder, bytes.AsSpan(at, size)));
                at += size;
            }

            Assert.True(whole == pieces.Append(decoder.Finish()).ToString(), $"seed {seed}: {Convert.ToHexString(bytes)}");
        }
    }

    [Fact]
    public void LargePiece_IsTakenInSeveralCalls()
    {
        var text = string.Concat(Enumerable.Range(0, 20_000).Select(i => $"line {i} \u001b[1m\u20ac\u001b[0m\r\n"));
        Assert.Equal(text.Replace("\u001b[1m", "").Replace("\u001b[0m", "").Replace("\r", ""), Decode(Encoding.UTF8.GetBytes(text), int.MaxValue));
    }

    private static void AssertText(string said, string expected)
    {
        var bytes = Encoding.UTF8.GetBytes(said);
        for (var size = 1; size <= bytes.Length; size++)
        {
            Assert.Equal(expected, Decode(bytes, size));
        }

        for (var cut = 0; cut <= bytes.Length; cut++)
        {
            var decoder = new ConsoleDecoder();
            Assert.Equal(expected, Feed(decoder, bytes.AsSpan(0, cut)) + Feed(decoder, bytes.AsSpan(cut)) + decoder.Finish().ToString());
        }
    }

    private static string Decode(byte[] bytes, int size)
    {
        var decoder = new ConsoleDecoder();
        return string.Concat(bytes.Chunk(size).Select(piece => Feed(decoder, piece))) + decoder.Finish().ToString();
    }

    private static string Feed(ConsoleDecoder decoder, ReadOnlySpan<byte> bytes)
    {
        var text = new StringBuilder();
        while (!bytes.IsEmpty)
        {
            _ = text.Append(decoder.Decode(ref bytes));
        }

        return text.ToString();
    }
}
