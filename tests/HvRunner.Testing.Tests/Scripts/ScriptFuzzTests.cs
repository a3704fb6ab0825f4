using System.Diagnostics;
using System.Text;
using Xunit.Abstractions;

namespace HvRunner.Testing.Tests.Scripts;

/// <summary>Good scripts, broken at random and on purpose: whatever the bytes, there are cases or faults, and soon.</summary>
public class ScriptFuzzTests(ITestOutputHelper output)
{
    private const string Good = """
        name: all there is
        kernel: ../build/vmlinux
        initrd: "a b.cpio"
        cmdline: &line >-
          console=ttyS0
          panic=-1
        memory: 256M
        timeout: 90s
        prompt: "# "
        matrix:
          irqchip: [kernel, user]
          cpus: [2, 4]
        steps:
          - expect: "Linux version"
          - expect: /Booting .* on KVM/
            within: 10s
          - &prompt { expect: { any: ["# ", 'login:', { text: "/x/" }] } }
          - send: { text: "uname -r\n", delay: 5ms }
          - *prompt
          - expect: { all: [a, "/b[0-9]+/"] }
          - reject: "BUG:"
          - pause:
          - wait: 10ms
          - resume:
          - nmi: 1
          - { mark: up, within: 5s }
          - mark: later
            within: 1m
            since: up
          - for each: [ls, { run: "make -j2", status: 2, expect: /Error/, within: 1m }]
            within: 10s
          - exit-status: 3
        verdict: [guest-status, panic]
        requires: [kvm, hardware]
        problems: ["oh no"]
        ignore: bug
        watch: [oom]
        """;

    private static readonly string[] Pieces =
        ["\n", "  ", "\t", "- ", ": ", "[", "]", "{", "}", "&a ", "*a", "!", "|", ">", "'", "\"", "#", "%", "@", "`", "? ", "---\n", "...\n", "~", "\0", "\u0085", "\\", ",", "steps:", "/(/", "\r"];

    private static int Rounds => int.TryParse(Environment.GetEnvironmentVariable("HVRUN_FUZZ_CASES"), out var cases) ? Math.Clamp(cases / 20, 400, 50_000) : 400;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void BrokenScript_GivesCasesOrFaults(int seed)
    {
        output.WriteLine($"seed {seed}");
        var random = new Random(seed);
        var slowest = TimeSpan.Zero;
        for (var round = 0; round < Rounds; round++)
        {
            var bytes = Encoding.UTF8.GetBytes(Good);
            for (var count = random.Next(1, 4); count > 0; count--)
            {
                bytes = Break(bytes, random);
            }

            var clock = Stopwatch.StartNew();
            var set = Reading.Load(bytes);
            slowest = clock.Elapsed > slowest ? clock.Elapsed : slowest;
            Assert.True(set.Cases.Count != 0 || set.Faults.Count != 0, $"round {round} of seed {seed}");
            Assert.All(set.Faults, fault => Assert.True(fault is { Line: > 0, Column: > 0 } && !fault.ToString().Any(char.IsControl) && fault.Sentence[^1] is '.' or '?', fault.ToString()));
        }

        Assert.True(slowest < TimeSpan.FromSeconds(5), $"{slowest}");
    }

    [Fact]
    public void GoodScript_HasNoFault() => Assert.Equal(4, Reading.Cases(Good).Count);

    [Theory]
    [InlineData("[", 1 << 18)]
    [InlineData("{", 1 << 18)]
    [InlineData("[\n", 1 << 17)]
    [InlineData("- ", 1 << 17)]
    [InlineData("? ", 1 << 17)]
    [InlineData("a: ", 1 << 16)]
    [InlineData("&a ", 1 << 16)]
    [InlineData("!", 1 << 18)]
    [InlineData("*", 1 << 18)]
    [InlineData("\n", 1 << 18)]
    [InlineData("#\n", 1 << 17)]
    [InlineData("---\n", 1 << 16)]
    [InlineData("%TAG !a! b\n", 1 << 16)]
    [InlineData("x", 1 << 18)]
    [InlineData("x\n", 1 << 17)]
    [InlineData("\"", 1 << 18)]
    [InlineData("'", 1 << 18)]
    [InlineData("[a, b]: c\n", 1 << 16)]
    [InlineData("kernel: k\n", 1 << 16)]
    public void EndlessRepetition_IsAFaultSoon(string piece, int count)
    {
        var bytes = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat(piece, count)));
        var clock = Stopwatch.StartNew();
        Assert.NotEmpty(Reading.Load(bytes).Faults);
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(10), $"{clock.Elapsed}");
    }

    [Fact]
    public void ManyFaults_AreToldInOrder()
    {
        var text = "kernel: k\nsteps:\n" + string.Concat(Enumerable.Range(0, 3000).Select(i => $"  - nmi: x{i}\n"));
        var faults = Reading.Load(Encoding.UTF8.GetBytes(text)).Faults;
        Assert.Equal(Enumerable.Range(3, 3000), faults.Select(fault => fault.Line));
    }

    private static byte[] Break(byte[] bytes, Random random)
    {
        var at = random.Next(bytes.Length);
        switch (random.Next(6))
        {
            case 0:
                bytes[at] ^= (byte)(1 << random.Next(8));
                return bytes;
            case 1:
                return [.. bytes[..at], .. Encoding.UTF8.GetBytes(Pieces[random.Next(Pieces.Length)]), .. bytes[at..]];
            case 2:
                return bytes[..Math.Max(at, 1)];
        }

        var lines = Encoding.Latin1.GetString(bytes).Split('\n').ToList();
        var (from, to) = (random.Next(lines.Count), random.Next(lines.Count));
        switch (random.Next(3))
        {
            case 0 when lines.Count > 1:
                lines.RemoveAt(from);
                break;
            case 1:
                lines.Insert(to, lines[from]);
                break;
            default:
                lines[from] = random.Next(2) == 0 ? new string(' ', random.Next(1, 5)) + lines[from] : lines[from].TrimStart();
                break;
        }

        return Encoding.Latin1.GetBytes(string.Join('\n', lines));
    }
}
