using System.Globalization;
using HvRunner.Abstractions;
using HvRunner.Launch;
using HvRunner.Machine.Reports;
using HvRunner.Machine.Verdicts;
using HvRunner.Testing.Cases;
using HvRunner.Testing.KernelReports;
using HvRunner.Testing.Ktap;
using HvRunner.Testing.Machines;
using HvRunner.Testing.Matching;
using HvRunner.Testing.Results;
using Serilog.Core;

namespace HvRunner.Testing;

/// <summary>
/// A kernel in a virtual machine, in the hands of a test in any framework: it runs from <see cref="StartAsync"/> on, in this process. Members may be called from any
/// thread. No wait is for ever: the machine has a time limit, and what waits ends with it. A panic, oops, stall or the like that the kernel reports fails
/// whatever is awaited, or is awaited next, with its text. After <see cref="DisposeAsync"/>, what is asked of the machine throws <see cref="ObjectDisposedException"/>,
/// as does what was still awaited; <see cref="Verdict"/>, <see cref="Report"/> and <see cref="LastLines"/> stay.
/// </summary>
/// <example>
/// <code>
/// await using var vm = await TestMachine.StartAsync(new TestMachineOptions { Kernel = "vmlinux", Initrd = "initramfs.cpio" });
/// await vm.ExpectAsync("login:");
/// await vm.SendAsync("root\n");
/// var version = await vm.ExpectAsync(@"/Linux version (\S+) /");
/// Assert.Equal(VerdictKind.PowerOff, (await vm.WaitForEndAsync()).Kind);
/// </code>
/// </example>
public sealed class TestMachine : IAsyncDisposable
{
    private readonly GuestSession _session;
    private readonly ConsoleWorker _console;
    private readonly SubCaseList _subCases;
    private readonly Lazy<Task> _disposal;

    private TestMachine(GuestSession session, ConsoleWorker console, SubCaseList subCases)
    {
        _session = session;
        _console = console;
        _subCases = subCases;
        _disposal = new Lazy<Task>(() => Task.Run(Dispose));
    }

    /// <summary>How the run ended, as soon as it is decided; null before.</summary>
    public Verdict? Verdict => _session.Verdict;

    /// <summary>Everything that is known of the run; complete after <see cref="WaitForEndAsync"/>.</summary>
    public RunReport Report => _session.Report;

    /// <summary>Something that was expected of the guest did not come. A machine that is disposed then has a post-mortem in its report, however it ended.</summary>
    public bool HasFailed => _console.HasFailed;

    /// <summary>
    /// Boots. Throws <see cref="InvalidInputException"/>, which lists all that is wrong with options and files, and <see cref="HypervisorException"/> where there
    /// is no hypervisor.
    /// </summary>
    /// <param name="options">What to boot.</param>
    /// <param name="cancellation">Keeps the machine from being built; one that is being built is not given up.</param>
    public static Task<TestMachine> StartAsync(TestMachineOptions options, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        return Task.Run(() => Start(options), cancellation);
    }

    /// <summary>
    /// Waits until the console shows a text, or a regular expression between slashes, behind the last match. See <see cref="ConsolePattern"/>. Several that wait at once are met in
    /// the order in which they were asked for. After one that failed or was cancelled, the next search begins behind the last match all the same.
    /// </summary>
    /// <param name="pattern">As scripts write it.</param>
    /// <param name="within">Its own time limit, from now on; null for the machine's alone. Zero looks at what has come.</param>
    /// <param name="cancellation">Ends the wait; the machine goes on.</param>
    /// <returns>What was found, a regular expression's groups included.</returns>
    /// <exception cref="ExpectationException">It did not come: time passed, the guest ended, or its kernel reported a fault.</exception>
    public Task<ConsoleMatch> ExpectAsync(string pattern, TimeSpan? within = null, CancellationToken cancellation = default) =>
        ExpectAnyAsync([ConsolePattern.Parse(pattern)], within, cancellation);

    /// <summary>As <see cref="ExpectAsync"/>, for the first of several patterns; the match says which it was.</summary>
    public Task<ConsoleMatch> ExpectAnyAsync(IReadOnlyList<ConsolePattern> patterns, TimeSpan? within = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(patterns);
        ArgumentOutOfRangeException.ThrowIfZero(patterns.Count, nameof(patterns));
        PatternSearch? search = null;
        return _console.RunAsync(
            new ConsoleRequest<ConsoleMatch>(
                $"waiting for {string.Join(" or ", patterns)}",
                isInOrder: true,
                LimitOf(within),
                console => console.Find(search ??= console.Search(patterns)),
                (console, match) => console.MoveBehind(match)),
            cancellation);
    }

    /// <summary>From the last match on, the console must not show any of these: if it does, whatever is awaited then fails.</summary>
    public Task RejectAsync(params IReadOnlyList<ConsolePattern> patterns)
    {
        ArgumentNullException.ThrowIfNull(patterns);
        return AskAsync(console =>
        {
            console.Reject($"reject {string.Join(" or ", patterns)}", patterns);
            return patterns;
        });
    }

    /// <summary>
    /// Types a text on the console, as UTF-8; a return key only where it has "\n". It is taken as soon as the guest takes it, which is not waited for; a guest with
    /// a virtual clock takes it while the test waits for something.
    /// </summary>
    public Task SendAsync(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        _session.Send(System.Text.Encoding.UTF8.GetBytes(text));
        return Task.CompletedTask;
    }

    /// <summary>Stops all vCPUs. False when one did not come out of the guest within a second; then nothing has changed. See <see cref="Machine.Machine.Pause"/>.</summary>
    public Task<bool> PauseAsync() => Task.Run(_session.Pause);

    /// <summary>Lets a paused machine go on.</summary>
    public void Resume() => _session.Resume();

    /// <summary>Sends a vCPU a non-maskable interrupt; false when there is no such vCPU.</summary>
    public bool InjectNmi(int vcpu = 0) => _session.InjectNmi(vcpu);

    /// <summary>The console's last lines, oldest first.</summary>
    public IReadOnlyList<string> LastLines(int count = 20) => _session.LastLines(count);

    /// <summary>Results that the guest has printed as TAP, KTAP or KUnit so far, in order; as many as a report holds.</summary>
    /// <exception cref="ExpectationException">The guest has ended, and its results do not add up: some that were planned have not come, say.</exception>
    public Task<IReadOnlyList<SubCase>> GetSubCasesAsync() => AskAsync<IReadOnlyList<SubCase>>(console =>
        console.ResultFaults is [var first, ..] all ? throw new CaseFailedException($"the results on the console do not add up: {first}", details: [.. all.Skip(1)]) : [.. _subCases.Kept]);

    /// <summary>Waits for the guest's end. What else is awaited meanwhile is met all the same.</summary>
    /// <param name="within">A time limit of its own; null for the machine's alone.</param>
    /// <param name="cancellation">Ends the wait; the machine goes on.</param>
    /// <exception cref="ExpectationException">It did not end in time, its kernel reported a fault, or a rejected text came.</exception>
    public Task<Verdict> WaitForEndAsync(TimeSpan? within = null, CancellationToken cancellation = default)
    {
        Verdict? EndOf(ConsoleReader console)
        {
            console.CheckRejected();
            return console.HasEnded ? _console.EndOfRun() : null;
        }

        return _console.RunAsync(new ConsoleRequest<Verdict>("waiting for the guest to end", isInOrder: false, LimitOf(within), EndOf), cancellation);
    }

    /// <summary>Ends the machine, if it still runs, and gives everything back. What it said until then still reaches <see cref="TestMachineOptions.ConsoleLine"/>.</summary>
    public ValueTask DisposeAsync() => new(_disposal.Value);

    private static TestMachine Start(TestMachineOptions options)
    {
        var faults = new Faults();
        var settings = TestMachineSettings.Read(options, faults);
        var report = new RunReport
        {
            Version = typeof(TestMachine).Assembly.GetName().Version?.ToString(3) ?? string.Empty,
            Verdict = new Verdict(VerdictKind.Internal),
            StartTimestamp = System.Diagnostics.Stopwatch.GetTimestamp(),
        };
        var subCases = new SubCaseList();
        var reports = new KernelReportReader(new KernelReportOptions { Names = options.KernelReports });
        var session = GuestSession.Start(settings, report, Logger.None, faults);
        var reader = new ConsoleReader(session, Stream.Null, new KtapReader(subCases.Add), reports, options.ConsoleLine)
        {
            AdviceOnReports = $"leave {{0}} out of {nameof(TestMachineOptions)}.{nameof(TestMachineOptions.KernelReports)}",
        };
        return new TestMachine(session, new ConsoleWorker(session, reader), subCases);
    }

    private static Deadline LimitOf(TimeSpan? within)
    {
        if (within is not { } limit || limit == Timeout.InfiniteTimeSpan)
        {
            return Deadline.Never;
        }

        ArgumentOutOfRangeException.ThrowIfLessThan(limit, TimeSpan.Zero, nameof(within));
        return Deadline.After(
            System.Diagnostics.Stopwatch.GetTimestamp(), limit, string.Create(CultureInfo.InvariantCulture, $"the limit of {limit.TotalSeconds:0.###} s"));
    }

    private Task<T> AskAsync<T>(Func<ConsoleReader, T> question)
        where T : class => _console.RunAsync(new ConsoleRequest<T>(awaited: null, isInOrder: false, Deadline.Never, question));

    private void Dispose()
    {
        // Before the guest ends: those who wait are told that the test is over, not that the guest is.
        _console.Stop();
        _session.End(new Verdict(VerdictKind.Interrupted, "the test is over"), postMortem: HasFailed);
        _console.Dispose();
        _session.Dispose();
    }
}
