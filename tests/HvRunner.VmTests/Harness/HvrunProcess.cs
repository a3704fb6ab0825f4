using System.Diagnostics;
using System.Globalization;
using HvRunner.VmTests.Harness.Interop;
using Xunit.Sdk;

namespace HvRunner.VmTests.Harness;

/// <summary>
/// One child process, usually the native hvrun. Its standard error is always captured; its standard output is captured, or left to the test to
/// read, or goes where <see cref="HvrunStart.Redirections"/> says. A child that outlives its limit is killed, and the test fails with all it said.
/// </summary>
internal sealed class HvrunProcess : IDisposable
{
    private readonly Process _process;
    private readonly CancellationTokenSource _limit;
    private readonly CapturedStream? _output;
    private CapturedStream? _error;
    private readonly string _command;
    private readonly long _started;

    private HvrunProcess(HvrunStart start)
    {
        // A shell that becomes the child (exec) can redirect to what a pipe is not: nothing, a device, a terminal.
        string[] line = start.Redirections.Length == 0
            ? [start.Program, .. start.Arguments]
            : ["/bin/sh", "-c", $"exec \"$0\" \"$@\" {start.Redirections}", start.Program, .. start.Arguments];
        var info = new ProcessStartInfo(line[0], line[1..])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        info.Environment.Remove("HVRUN_HYPERVISOR");
        foreach (var (name, value) in start.Environment)
        {
            info.Environment[name] = value;
        }

        _command = string.Join(' ', line);
        _process = new Process { StartInfo = info };
        _started = Stopwatch.GetTimestamp();
        _process.Start();
        _limit = new CancellationTokenSource(start.Limit);
        _output = start.LeaveOutput ? null : new CapturedStream(_process.StandardOutput.BaseStream);
        if (!start.HoldError)
        {
            ReadError();
        }

        if (!start.KeepInputOpen)
        {
            _process.StandardInput.Close();
        }
    }

    internal int Id => _process.Id;

    internal bool HasExited => _process.HasExited;

    internal TimeSpan Elapsed => Stopwatch.GetElapsedTime(_started);

    /// <summary>What the child reads; only with <see cref="HvrunStart.KeepInputOpen"/>.</summary>
    internal Stream Input => _process.StandardInput.BaseStream;

    /// <summary>What the child writes; only with <see cref="HvrunStart.LeaveOutput"/>.</summary>
    internal Stream Output => _process.StandardOutput.BaseStream;

    /// <summary>The child's words, until <see cref="ReadError"/>; only with <see cref="HvrunStart.HoldError"/>.</summary>
    internal Stream Error => _process.StandardError.BaseStream;

    /// <summary>Ends with the limit, for what the test itself waits for.</summary>
    internal CancellationToken Limit => _limit.Token;

    internal static HvrunProcess Start(HvrunStart start) => new(start);

    internal static HvrunProcess Start(params string[] arguments) => new(new HvrunStart(arguments));

    /// <summary>Runs hvrun to its end with standard input at its end.</summary>
    internal static Task<HvrunResult> RunAsync(params string[] arguments) => RunAsync(new HvrunStart(arguments));

    internal static async Task<HvrunResult> RunAsync(HvrunStart start)
    {
        using var process = Start(start);
        return await process.EndAsync();
    }

    /// <summary>Reads standard error from now on; only with <see cref="HvrunStart.HoldError"/>.</summary>
    internal void ReadError() => _error = new CapturedStream(_process.StandardError.BaseStream);

    /// <summary>Waits for the child's end and that of its streams, which a process left behind would keep open.</summary>
    internal async Task<HvrunResult> EndAsync()
    {
        TimeSpan duration;
        try
        {
            await _process.WaitForExitAsync(_limit.Token);
            duration = Elapsed;
            await Task.WhenAll(_error!.Completion, _output?.Completion ?? Task.CompletedTask).WaitAsync(_limit.Token);
        }
        catch (OperationCanceledException)
        {
            throw Failure("it did not end within its limit");
        }

        return new HvrunResult(_command, _process.ExitCode, _output?.Bytes ?? [], _error!.Text, duration);
    }

    /// <summary>Lines that it has written so far.</summary>
    internal int OutputLines => _output!.Bytes.Count(value => value == (byte)'\n');

    internal async Task WaitForOutputAsync(string text) => await WaitForAsync(_output!, text, "standard output");

    internal async Task WaitForErrorAsync(string text) => await WaitForAsync(_error!, text, "standard error");

    /// <summary>Sends a signal; nothing when the child has already ended.</summary>
    internal void Signal(int signal)
    {
        if (!_process.HasExited)
        {
            _ = Libc.kill(_process.Id, signal);
        }
    }

    /// <summary>A line of /proc/PID/status in KiB; null once the child is gone.</summary>
    internal long? StatusKib(string name)
    {
        try
        {
            foreach (var line in File.ReadLines($"/proc/{_process.Id}/status"))
            {
                if (line.StartsWith(name + ":", StringComparison.Ordinal))
                {
                    return long.Parse(line[(name.Length + 1)..].Replace("kB", string.Empty, StringComparison.Ordinal).Trim(), CultureInfo.InvariantCulture);
                }
            }
        }
        catch (IOException)
        {
            // It ended meanwhile.
        }

        return null;
    }

    /// <summary>Waits until the child uses no more processor time, because it waits for the test to read.</summary>
    internal async Task UntilStalledAsync()
    {
        for (long before = -1, now = ProcessorTicks(); now != before || now == 0; before = now, now = ProcessorTicks())
        {
            await Task.Delay(200, Limit);
        }
    }

    /// <summary>A failure that shows everything there is to see of the child.</summary>
    internal XunitException Failure(string why) => new(HvrunResult.Describe(
        why, _command, _process.HasExited ? $"status {_process.ExitCode}" : "still running", _output?.Bytes ?? [], _error?.Text ?? "not read"));

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            _process.WaitForExit(TimeSpan.FromSeconds(5));
        }

        _process.Dispose();
        _limit.Dispose();
    }

    /// <summary>User and system time, fields 14 and 15 of /proc/PID/stat.</summary>
    private long ProcessorTicks()
    {
        var stat = File.ReadAllText($"/proc/{_process.Id}/stat");
        var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        return long.Parse(fields[11], CultureInfo.InvariantCulture) + long.Parse(fields[12], CultureInfo.InvariantCulture);
    }

    private async Task WaitForAsync(CapturedStream stream, string text, string name)
    {
        var found = false;
        try
        {
            found = await stream.WaitForAsync(text, _limit.Token);
        }
        catch (OperationCanceledException)
        {
            // Told below.
        }

        if (!found)
        {
            throw Failure($"'{text}' did not appear on its {name}");
        }
    }
}

/// <summary>How a child is started.</summary>
internal sealed record HvrunStart(params string[] Arguments)
{
    /// <summary>The program; hvrun unless another is named.</summary>
    internal string Program { get; init; } = Artifacts.Hvrun;

    /// <summary>A shell's redirections, such as <c>&lt;&amp;-</c>.</summary>
    internal string Redirections { get; init; } = string.Empty;

    /// <summary>Leave <see cref="HvrunProcess.Input"/> to the test; otherwise standard input is at its end.</summary>
    internal bool KeepInputOpen { get; init; }

    /// <summary>Leave <see cref="HvrunProcess.Output"/> to the test.</summary>
    internal bool LeaveOutput { get; init; }

    /// <summary>Read nothing of standard error until <see cref="HvrunProcess.ReadError"/>.</summary>
    internal bool HoldError { get; init; }

    internal TimeSpan Limit { get; init; } = TimeSpan.FromSeconds(30);

    internal IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();
}
