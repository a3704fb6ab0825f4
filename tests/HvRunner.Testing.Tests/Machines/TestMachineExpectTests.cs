using HvRunner.Machine.Verdicts;
using HvRunner.Testing.Matching;
using static HvRunner.Fakes.TinyCode;
using static HvRunner.Testing.Tests.Machines.TinyGuest;

namespace HvRunner.Testing.Tests.Machines;

/// <summary>What a test waits for on a machine's console, and what it is told when that does not come.</summary>
public class TestMachineExpectTests
{
    private const string Panic = "Kernel panic - not syncing: no init\n---[ end Kernel panic - not syncing: no init ]---\n";

    [Fact]
    public async Task Expectations_AreMetInOrder()
    {
        await using var vm = await StartAsync([.. Say("one two one three\n"), .. Exit(0)]);
        var one = await vm.ExpectAsync("one");
        var again = await vm.ExpectAsync("one");
        var three = await vm.ExpectAsync("three");
        Assert.Equal((0L, 8L, 12L), (one.Start, again.Start, three.Start));
        Assert.Contains("waiting for \"two\"", await FailureOf(vm.ExpectAsync("two")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Expectations_AskedForAtOnceAreMetInOrder()
    {
        await using var vm = await StartAsync([.. Say("ready\n"), .. Echo]);
        var asked = Enumerable.Range(0, 50).Select(i => vm.ExpectAsync($"<{i % 3}>")).ToArray();
        for (var i = 0; i < asked.Length; i++)
        {
            await vm.SendAsync($"<{i % 3}>");
        }

        var starts = (await Task.WhenAll(asked)).Select(match => match.Start).ToArray();
        Assert.Equal(starts.Order(), starts);
        Assert.Equal(starts.Length, starts.Distinct().Count());
    }

    [Fact]
    public async Task Match_HasGroups()
    {
        await using var vm = await StartAsync([.. Say("version 6.12-rc1 here\n"), .. Exit(0)]);
        var match = await vm.ExpectAsync(@"/version (\d+)\.(\d+)(-\w+)? /");
        Assert.Equal(["version 6.12-rc1 ", "6", "12", "-rc1"], match.Groups);
    }

    [Fact]
    public async Task ExpectAny_SaysWhichItWas()
    {
        await using var vm = await StartAsync([.. Say("login: "), .. Spin]);
        var match = await vm.ExpectAnyAsync([ConsolePattern.Literal("# "), ConsolePattern.Regex("log[io]n: ")]);
        Assert.Equal((1, "login: "), (match.PatternIndex, match.Text));
    }

    [Fact]
    public async Task Expect_TimeLimitEndsTheWaitAndNotTheMachine()
    {
        await using var vm = await StartAsync([.. Say("ready\n"), .. Echo]);
        await vm.ExpectAsync("ready");
        var failure = await FailureOf(vm.ExpectAsync("never", within: TimeSpan.FromMilliseconds(50)));
        Assert.StartsWith("the limit of 0.05 s passed while waiting for \"never\"", failure, StringComparison.Ordinal);
        Assert.Contains("  | ready", failure, StringComparison.Ordinal);
        Assert.True(vm.HasFailed);
        await vm.SendAsync("go");
        await vm.ExpectAsync("go");
    }

    [Fact]
    public async Task Expect_TimeLimitCountsWhileOthersAreBefore()
    {
        await using var vm = await StartAsync(Spin);
        var first = vm.ExpectAsync("never");
        Assert.Contains("waiting for \"second\"", await FailureOf(vm.ExpectAsync("second", within: TimeSpan.FromMilliseconds(50))), StringComparison.Ordinal);
        Assert.False(first.IsCompleted);
    }

    [Fact]
    public async Task Expect_AfterAFailureSearchesBehindTheLastMatchAllTheSame()
    {
        // More than a search keeps for itself.
        var code = (byte[])[.. Say("first\nsecond\n"), 0xb9, 0x00, 0x80, 0, 0, .. Say("x"), 0xe2, 0xfd, .. Say("\nend\n"), .. Exit(0)];
        await using var vm = await StartAsync(code);
        await vm.ExpectAsync("first");
        await FailureOf(vm.ExpectAsync("never"));
        Assert.Equal(6, (await vm.ExpectAsync("second")).Start);
    }

    [Fact]
    public async Task Expect_CancelledEndsTheWaitAndNotTheMachine()
    {
        await using var vm = await StartAsync([.. Say("ready\n"), .. Echo]);
        using var source = new CancellationTokenSource();
        var waits = vm.ExpectAsync("never", cancellation: source.Token);
        var behind = vm.ExpectAsync("go");
        var end = vm.WaitForEndAsync(cancellation: source.Token);
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waits);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => end);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => vm.ExpectAsync("ready", cancellation: source.Token));
        await vm.SendAsync("go");
        await behind;
        Assert.False(vm.HasFailed);
        Assert.Null(vm.Verdict);
    }

    [Fact]
    public async Task Expect_GuestThatEndsEarlySaysHowAndWhatItSaid()
    {
        await using var vm = await StartAsync([.. Say("almost\n"), .. Exit(5)]);
        var failure = await FailureOf(vm.ExpectAsync("login:"));
        Assert.StartsWith("the guest ended with the verdict guest-status (the guest reported status 5) while waiting for \"login:\"", failure, StringComparison.Ordinal);
        Assert.Contains("  | almost", failure, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Expect_MachinesTimeLimitEndsEverything()
    {
        await using var vm = await StartAsync(Spin, options => options with { Timeout = TimeSpan.FromMilliseconds(200) });
        var end = vm.WaitForEndAsync();
        Assert.Contains("verdict timeout", await FailureOf(vm.ExpectAsync("never")), StringComparison.Ordinal);
        Assert.Equal(VerdictKind.Timeout, (await end).Kind);
        Assert.NotNull(vm.Report.Outcome!.PostMortem);
    }

    [Fact]
    public async Task Reject_FailsWhatIsAwaitedBehindTheText()
    {
        await using var vm = await StartAsync([.. Say("ready\n"), .. Echo]);
        await vm.RejectAsync(ConsolePattern.Literal("BUG:"));
        await vm.ExpectAsync("ready");
        var end = vm.WaitForEndAsync();
        await vm.SendAsync("ok BUG: no");
        await vm.ExpectAsync("ok");
        const string Sentence = "the console shows what must not appear: 'BUG:' (reject \"BUG:\")";
        Assert.StartsWith(Sentence, await FailureOf(end), StringComparison.Ordinal);
        Assert.StartsWith(Sentence, await FailureOf(vm.ExpectAsync("no")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task KernelReport_FailsAllThatIsAwaited()
    {
        await using var vm = await StartAsync([.. Echo]);
        var tasks = (Task[])[vm.ExpectAsync("first"), vm.ExpectAsync("second"), vm.WaitForEndAsync()];
        await vm.SendAsync(Panic);
        foreach (var task in tasks)
        {
            var failure = await FailureOf(task);
            Assert.StartsWith("the console reports: Kernel panic - not syncing: no init (panic; where that is expected, leave panic out of", failure, StringComparison.Ordinal);
            Assert.Contains("end Kernel panic", failure, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task KernelReport_ThatNobodyHeardFailsWhatIsAwaitedNextOnce()
    {
        await using var vm = await StartAsync([.. Say(Panic), .. Say("done\n"), .. Exit(3)]);
        Assert.True(SpinWait.SpinUntil(() => vm.Verdict is not null, Limit));
        await vm.GetSubCasesAsync();
        Assert.Contains("no init", await FailureOf(vm.WaitForEndAsync()), StringComparison.Ordinal);
        await vm.ExpectAsync("done");
        Assert.Equal(3, (await vm.WaitForEndAsync()).Status);
    }

    [Fact]
    public async Task KernelReport_ThatIsExpectedFailsNothing()
    {
        await using var vm = await StartAsync(
            [.. Say(Panic), .. Exit(3)], options => options with { KernelReports = TestMachineOptions.DefaultKernelReports.Except(["panic"]).ToHashSet() });
        await vm.ExpectAsync("not syncing");
        Assert.Equal(3, (await vm.WaitForEndAsync()).Status);
    }

    [Fact]
    public async Task SubCases_AreThoseOnTheConsole()
    {
        await using var vm = await StartAsync([.. Say("TAP version 14\n1..3\nok 1 - a\nnot ok 2 - b\nok 3 - c # SKIP no disk\n"), .. Exit(0)]);
        await vm.WaitForEndAsync();
        var found = await vm.GetSubCasesAsync();
        Assert.Equal([("a", "Passed"), ("b", "Failed"), ("c", "Skipped")], found.Select(one => (one.Path[0], one.Outcome.ToString())));
    }

    [Fact]
    public async Task SubCases_ThatDoNotAddUpAreAFailure()
    {
        await using var vm = await StartAsync([.. Say("TAP version 14\n1..3\nok 1 - a\n"), .. Exit(0)]);
        await vm.WaitForEndAsync();
        Assert.StartsWith("the results on the console do not add up: ", await FailureOf(vm.GetSubCasesAsync()), StringComparison.Ordinal);
    }

    [Fact]
    public async Task ConsoleLine_IsToldOfEachLine()
    {
        var lines = new List<string>();
        await using var vm = await StartAsync([.. Say("one\r\n\u001b[1mtwo\u001b[0m\nlast"), .. Exit(0)], options => options with { ConsoleLine = lines.Add });
        await vm.WaitForEndAsync();
        Assert.Equal(["one", "two", "last"], lines);
    }

    [Fact]
    public async Task ConsoleLine_ThatThrowsFailsTheTestAndNotTheMachine()
    {
        var calls = 0;
        void Listen(string line)
        {
            calls++;
            throw new InvalidOperationException("disk full");
        }

        await using var vm = await StartAsync([.. Say("one\ntwo\nthree\n"), .. Exit(2)], options => options with { ConsoleLine = Listen });
        Assert.True(SpinWait.SpinUntil(() => vm.Verdict is not null, Limit));
        await vm.GetSubCasesAsync();
        Assert.Contains("disk full", await FailureOf(vm.ExpectAsync("one")), StringComparison.Ordinal);
        await vm.ExpectAsync("three");
        Assert.Equal(2, (await vm.WaitForEndAsync()).Status);
        Assert.Equal(1, calls);
    }
}
