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
/// thread; what is awaited on the console is met in the order in which it was asked for. No call waits for ever: the machine has a time limit, and what waits
/// ends with it. A panic, oops, stall or the like that the kernel reports fails whatever is awaited, with its text.
/// </summary>
public sealed class TestMachine : IAsyncDisposable
{
    private static readonly TimeSpan EndLimit = TimeSpan.FromSeconds(5);

    private readonly GuestSession _session;
    private readonly ConsoleWorker _console;
    private readonly SubCaseList _subCases;

    private TestMachine(GuestSession session, ConsoleWorker console, SubCaseList subCases)
    {
        _session = session;
        _console = console;
        _subCases = subCases;
    }

    /// <summary>How the run ended, as soon as it is decided; null before.</summary>
    public Verdict? Verdict => _session.Verdict;

    /// <summary>Everything that is known of the run; complete after <see cref="WaitForEndAsync"/>.</summary>
    public RunReport Report => _session.Report;

    /// <summary>
    /// Boots. Throws <see cref="InvalidInputException"/>, which lists all that is wrong with options and files, and <see cref="HypervisorException"/> where there
    /// is no hypervisor.
    /// </summary>
    public static Task<TestMachine> StartAsync(TestMachineOptions options, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        return Task.Run(() => Start(options), cancellation);
    }

    /// <summary>Waits until the console shows a text, or a regular expression between slashes, behind the last match. See <see cref="ConsolePattern"/>.</summary>
    /// <param name="pattern">As scripts write it.</param>
    /// <param name="within">Its own time limit; null for the machine's alone.</param>
    /// <param name="cancellation">Ends the wait; the machine goes on.</param>
    /// <returns>What was found, a regular expression's groups included.</returns>
    /// <exception cref="ExpectationException">It did not come: time passed, the guest ended, or its kernel reported a fault.</exception>
    public Task<ConsoleMatch> ExpectAsync(string pattern, TimeSpan? within = null, CancellationToken cancellation = default) =>
        ExpectAnyAsync([ConsolePattern.Parse(pattern)], within, cancellation);

    /// <summary>As <see cref="ExpectAsync"/>, for the first of several patterns; the match says which it was.</summary>
    public Task<ConsoleMatch> ExpectAnyAsync(IReadOnlyList<ConsolePattern> patterns, TimeSpan? within = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(patterns);
        var awaited = $"waiting for {string.Join(" or ", patterns)}";
        return _console.RunAsync(reader => reader.Await(patterns, LimitOf(within), awaited) ?? throw new CaseFailedException($"the guest ended {EndOf()}while {awaited}"), cancellation);
    }

    /// <summary>From here on the console must not show any of these: if it does, whatever is awaited then fails.</summary>
    public Task RejectAsync(params IReadOnlyList<ConsolePattern> patterns)
    {
        ArgumentNullException.ThrowIfNull(patterns);
        return _console.RunAsync(
            reader =>
            {
                reader.Reject($"reject {string.Join(" or ", patterns)}", patterns);
                return true;
            },
            CancellationToken.None);
    }

    /// <summary>Types a text on the console, as UTF-8; a return key only where it has "\n". It is taken as soon as the guest takes it.</summary>
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

    /// <summary>Results that the guest has printed as TAP, KTAP or KUnit so far.</summary>
    public Task<IReadOnlyList<SubCase>> GetSubCasesAsync() => _console.RunAsync<IReadOnlyList<SubCase>>(_ => [.. _subCases.Kept], CancellationToken.None);

    /// <summary>Waits for the guest's end.</summary>
    /// <param name="within">A time limit of its own; null for the machine's alone.</param>
    /// <param name="cancellation">Ends the wait; the machine goes on.</param>
    /// <exception cref="ExpectationException">It did not end in time, or its kernel reported a fault.</exception>
    public Task<Verdict> WaitForEndAsync(TimeSpan? within = null, CancellationToken cancellation = default) => _console.RunAsync(
        reader =>
        {
            var limit = LimitOf(within);
            if (!reader.ReadUntil(limit))
            {
                ConsoleReader.ThrowIfPassed(limit, "waiting for the guest to end");
            }

            return _session.WaitForEnd(EndLimit) ? _session.Verdict! : throw new CaseFailedException("the host does not give the guest back");
        },
        cancellation);

    /// <summary>Ends the machine, if it still runs, and gives everything back.</summary>
    public async ValueTask DisposeAsync()
    {
        await Task.Run(() =>
        {
            _session.End(new Verdict(VerdictKind.Interrupted, "the test is over"), postMortem: false);
            _console.Dispose();
            _session.Dispose();
        }).ConfigureAwait(false);
    }

    private static TestMachine Start(TestMachineOptions options)
    {
        var faults = new Faults();
        var given = new Dictionary<string, string>(options.Options, StringComparer.Ordinal) { ["cpus"] = options.Cpus.ToString(System.Globalization.CultureInfo.InvariantCulture) };
        foreach (var (name, text) in (IEnumerable<(string, string?)>)[("initrd", options.Initrd), ("cmdline", options.CommandLine), ("memory", options.Memory), ("hypervisor", options.Hypervisor)])
        {
            if (text is not null)
            {
                given[name] = text;
            }
        }

        foreach (var unknown in given.Keys.Except(RunSettingsReader.Names))
        {
            faults.Usage($"{unknown}: expected one of the options {string.Join(", ", RunSettingsReader.Names)}.");
        }

        var settings = new RunSettingsReader(given.GetValueOrDefault, (name, sentence) => faults.Usage($"{name}: {sentence}")).Read(options.Kernel, []);
        faults.ThrowIfAny();
        var report = new RunReport
        {
            Version = typeof(TestMachine).Assembly.GetName().Version?.ToString(3) ?? string.Empty,
            Verdict = new Verdict(VerdictKind.Internal),
            StartTimestamp = System.Diagnostics.Stopwatch.GetTimestamp(),
        };
        var session = GuestSession.Start(settings with { Timeout = options.Timeout }, report, Logger.None);
        var subCases = new SubCaseList();
        var reader = new ConsoleReader(
            session, Stream.Null, new KtapReader(subCases.Add), new KernelReportReader(new KernelReportOptions { Names = options.KernelReports }), options.ConsoleLine);
        return new TestMachine(session, new ConsoleWorker(session, reader), subCases);
    }

    private static Deadline LimitOf(TimeSpan? within) =>
        within is { } own ? Deadline.After(System.Diagnostics.Stopwatch.GetTimestamp(), own, $"the limit of {own.TotalSeconds:0.###} s") : new Deadline(long.MaxValue, string.Empty);

    private string EndOf() => Verdict is { } verdict ? $"with the verdict {verdict.Name}{(verdict.Sentence is null ? "" : $" ({verdict.Sentence})")} " : string.Empty;
}
