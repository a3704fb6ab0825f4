namespace HvRunner.Testing.Tests.Scripts;

/// <summary>What is wrong with a script as a text: no YAML, or YAML that no script may hold. Each fault word for word, with its place.</summary>
public class YamlFaultTests
{
    [Theory]
    [InlineData(
        "",
        "1:1: expected keys such as 'kernel:', found nothing.")]
    [InlineData(
        "# only a comment",
        "1:1: expected keys such as 'kernel:', found nothing.")]
    [InlineData(
        "just text",
        "1:1: expected keys such as 'kernel:', found 'just text'.")]
    [InlineData(
        "- kernel: k",
        "1:1: expected keys such as 'kernel:', found a list.")]
    [InlineData(
        "kernel: k\n---\nkernel: l",
        "2:1: expected one document, found a second one; a script is a file of its own.")]
    [InlineData(
        "kernel: k\nkernel: l",
        "2:1: 'kernel' stands here twice; it was first given in line 1.")]
    [InlineData(
        "kernel: k\nsteps:\n  - expect: /foo: bar/",
        "3:17: this is not YAML: while scanning a plain scalar value, found invalid mapping; a text with ': ' in it or ':' at its end needs quotes, and the keys of one map stand in one column.")]
    [InlineData(
        "kernel: k\nsteps:\n  - expect: login:",
        "3:18: this is not YAML: while scanning a plain scalar value, found invalid mapping; a text with ': ' in it or ':' at its end needs quotes, and the keys of one map stand in one column.")]
    [InlineData(
        "kernel: k\nsteps:\n  - expect: {any: [/x{1,3}/]}",
        "3:22: this is not YAML: while parsing a flow sequence, did not find expected ',' or ']'; within [ ] and { } a text with , [ ] { or } in it needs quotes.")]
    [InlineData(
        "kernel: k\nsteps:\n  - expect: {any:\n     - a\n     - b: c",
        "4:6: this is not YAML: while parsing a node, did not find expected node content.")]
    [InlineData(
        "kernel: k\nsteps:\n  - expect: @foo",
        "3:13: this is not YAML: while scanning for the next token, found character that cannot start any token; a text that begins with @, % or ` needs quotes.")]
    [InlineData(
        "kernel: k\nsteps:\n  - expect: *foo",
        "3:13: no '&foo' ends before this; a text that begins with * needs quotes.")]
    [InlineData(
        "kernel: k\nsteps:\n  - expect: \"\\d+\"",
        "3:13: this is not YAML: while scanning a quoted scalar, found unknown escape character; within double quotes a backslash is written \\\\; within single quotes it is taken as it is.")]
    [InlineData(
        "kernel: k\nsteps:\n\t- expect: x",
        "3:1: this is not YAML: while scanning a mapping, found invalid tab as indentation; indent with spaces.")]
    [InlineData(
        "kernel: k\nsteps:\n  - expect: \"x",
        "3:13: this is not YAML: while scanning a quoted scalar, found unexpected end of stream; the closing quote is missing.")]
    [InlineData(
        "kernel: k\nsteps:\n  - expect: \"x\" y",
        "3:17: this is not YAML: while parsing a block mapping, did not find expected key; look at the indentation, and at what stands behind a closing quote or bracket.")]
    [InlineData(
        "kernel: [b, c\nd: e",
        "1:11: this is not YAML: what follows cannot be read; is a closing bracket or a quote missing.")]
    [InlineData(
        "kernel: &a [*a]",
        "1:13: no '&a' ends before this; a text that begins with * needs quotes.")]
    [InlineData(
        "kernel: k\nname: a\0b",
        "2:8: expected text, found the character U+0000; within double quotes it is written \\u0000.")]
    [InlineData(
        "%YAML 9.9\n---\na: b",
        "1:1: this is not YAML: found incompatible YAML document.")]
    [InlineData(
        "kernel: k\n  memory: b",
        "2:9: this is not YAML: while scanning a plain scalar value, found invalid mapping; a text with ': ' in it or ':' at its end needs quotes, and the keys of one map stand in one column.")]
    [InlineData(
        "- a\nb: c",
        "2:1: this is not YAML: while parsing a block collection, did not find expected '-' indicator; look at the indentation.")]
    [InlineData(
        "? [a]\n: b",
        "1:1: expected 'kernel: FILE', in the script or in its matrix, found none.",
        "1:3: expected a key that is a text, found a list or a map.")]
    [InlineData(
        "kernel: {<<: *a}",
        "1:14: no '&a' ends before this; a text that begins with * needs quotes.")]
    [InlineData(
        "kernel: \"\\ud800\"",
        "1:9: this is not YAML: while scanning a quoted scalar, found invalid Unicode surrogates.")]
    [InlineData(
        "kernel: ]",
        "1:9: this is not YAML: while parsing a node, did not find expected node content.")]
    public void Text_ThatIsNoTreeOfKeys_IsAFaultAtItsPlace(string yaml, params string[] faults) => Reading.AssertFaults(yaml, faults);

    [Theory]
    [InlineData(31, true)]
    [InlineData(32, false)]
    [InlineData(100_000, false)]
    public void Depth_IsBounded(int lists, bool isFine)
    {
        var faults = Reading.Faults($"kernel: {new string('[', lists)}{new string(']', lists)}");
        var fault = Assert.Single(faults);
        Assert.Equal(isFine ? "t.vmtest.yaml:1:9: expected a value of 'kernel', found a list; a text that begins with [ needs quotes." : "t.vmtest.yaml:1:40: expected at most 32 levels of lists and maps, found more.", fault);
    }

    [Fact]
    public void Nodes_AreBounded()
    {
        Assert.Contains("expected at most 10000 nodes", Assert.Single(Reading.Faults($"x: [{string.Concat(Enumerable.Repeat("a,", 10_000))}]")), StringComparison.Ordinal);
        Assert.DoesNotContain(Reading.Faults($"x: [{string.Concat(Enumerable.Repeat("a,", 9_000))}]"), fault => fault.Contains("nodes", StringComparison.Ordinal));
    }

    [Fact]
    public void Aliases_CountAsWhatTheyRepeat()
    {
        var laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
        for (var i = 1; i < 10; i++)
        {
            laughs += $"a{i}: &a{i} [{string.Join(", ", Enumerable.Repeat($"*a{i - 1}", 10))}]\n";
        }

        Assert.Equal("t.vmtest.yaml:4:45: expected at most 10000 nodes, with what aliases repeat, found more.", Assert.Single(Reading.Faults(laughs)));
    }

    [Fact]
    public void Alias_AddsItsDepth()
    {
        var chain = "a0: &a0 [x]\n" + string.Concat(Enumerable.Range(1, 40).Select(i => $"a{i}: &a{i} [*a{i - 1}]\n"));
        Assert.Equal("t.vmtest.yaml:31:12: expected at most 32 levels of lists and maps, found more.", Assert.Single(Reading.Faults(chain)));
    }

    [Fact]
    public void FaultBehindAnAlias_IsToldOnce() =>
        Reading.AssertFaults("kernel: k\nsteps:\n  - &x { nmi: y }\n  - *x\n  - *x\n", "3:15: expected a vCPU's number from 0 to 4095, found 'y'.");

    [Theory]
    [InlineData(new byte[] { 0xff, 0xfe, 0x6b, 0 }, "1:1: expected text in UTF-8, found the byte 0xff, which does not belong there.")]
    [InlineData(new byte[] { 0x61, 0x3a, 0x0d, 0x0a, 0xc3, 0xa4, 0xc3 }, "2:2: expected text in UTF-8, found the byte 0xc3, which does not belong there.")]
    [InlineData(new byte[] { 0x61, 0x3a, 0x0a, 0x62, 0x1b }, "2:2: expected text, found the character U+001B; within double quotes it is written \\u001b.")]
    public void Bytes_ThatAreNoText_AreAFaultAtTheirPlace(byte[] bytes, string fault) =>
        Assert.Equal(["t.vmtest.yaml:" + fault], Reading.Load(bytes).Faults.Select(found => found.ToString()));

    [Fact]
    public void ByteOrderMark_IsNoPartOfTheText() => Assert.Equal("k", Reading.Case("\ufeffkernel: k").Options["kernel"].Written);
}
