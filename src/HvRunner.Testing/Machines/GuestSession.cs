using HvRunner.Abstractions;
using HvRunner.Launch;
using HvRunner.Machine;
using HvRunner.Machine.Reports;
using HvRunner.Machine.Verdicts;
using HvRunner.Soft;
using Serilog;

namespace HvRunner.Testing.Machines;

/// <summary>
/// A guest that runs in this process with its console in the caller's hands: one thread reads (<see cref="Read"/>), any thread types, stops and ends it.
/// It starts to run when it is made, and nothing it does can keep <see cref="Dispose"/> waiting for long.
/// </summary>
internal sealed class GuestSession : IDisposable
{
    // A vCPU that is told to stop is out within milliseconds; one that is not out after this is stuck in the host.
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(2);

    private readonly GuestRun _run;
    private readonly ConsoleFeed _feed = new();
    private readonly ScriptedInput _input;
    private readonly DebugRecorder _debug = new();
    private readonly Machine.Machine _machine;
    private readonly Thread _thread;

    // Readers reach into the machine, the writer gives it back. What may wait in there ends with the run, so the writer does not wait for long.
    private readonly ReaderWriterLockSlim _reach = new();
    private bool _isDisposed;
    private volatile Exception? _fault;

    private GuestSession(RunSettings settings, RunReport report, ILogger log, Faults faults)
    {
        _input = new ScriptedInput(_feed, settings.Hypervisor.IsVirtualClock);
        _run = new GuestRun(settings, report);
        try
        {
            _run.OpenFiles(faults);
            faults.ThrowIfAny();
            _machine = _run.Build(new GuestConsole(_feed.Output, _input, _debug, _feed.Release), log);
        }
        catch
        {
            _run.Dispose();
            throw;
        }

        if (_run.VirtualClock is { } clock)
        {
            clock.Idle = () => _input.Idle() ? IdleAnswer.InputCame : IdleAnswer.Nothing;
        }

        _thread = new Thread(Serve, 512 * 1024) { IsBackground = true, Name = "guest-run" };
    }

    /// <summary>
    /// Builds the machine and starts it. Throws <see cref="InvalidInputException"/> for files and settings that are wrong, and
    /// <see cref="HypervisorException"/> where there is no hypervisor.
    /// </summary>
    /// <param name="settings">What to run.</param>
    /// <param name="report">What is known so far.</param>
    /// <param name="log">hvrun's own log.</param>
    /// <param name="faults">What was found wrong already, to be told together with the files' faults; null for nothing.</param>
    internal static GuestSession Start(RunSettings settings, RunReport report, ILogger log, Faults? faults = null)
    {
        var session = new GuestSession(settings, report, log, faults ?? new Faults());
        session._input.Connect(session._machine);
        session._thread.Start();
        return session;
    }

    /// <summary>What is known of the run; complete once <see cref="WaitForEnd"/> was true.</summary>
    internal RunReport Report => _run.Report;

    /// <summary>The verdict, as soon as something decisive has happened.</summary>
    internal Verdict? Verdict => _machine.Verdict;

    /// <summary>The console's last lines, oldest first.</summary>
    internal IReadOnlyList<string> LastLines(int count) => _machine.ConsoleTail.LastLines(count);

    /// <summary>What the guest wrote to its debug console.</summary>
    internal byte[] DebugOutput => _debug.ToArray();

    /// <summary>See <see cref="ConsoleFeed.Read"/>.</summary>
    internal int Read(Span<byte> destination, TimeSpan limit, bool isAwaited) => _feed.Read(destination, limit, isAwaited);

    /// <summary>See <see cref="ConsoleFeed.Nudge"/>.</summary>
    internal void Nudge() => _feed.Nudge();

    /// <summary>Types on the console. This and the next three throw <see cref="ObjectDisposedException"/> once the session is disposed.</summary>
    internal void Send(byte[] bytes) => Reach(() => { _input.Send(bytes); return true; });

    /// <summary>See <see cref="ScriptedInput.IsHeld"/>.</summary>
    internal bool IsInputHeld
    {
        set => _input.IsHeld = value;
    }

    /// <summary>See <see cref="Machine.Machine.Pause"/>.</summary>
    internal bool Pause() => Reach(_machine.Pause);

    /// <summary>See <see cref="Machine.Machine.Resume"/>.</summary>
    internal void Resume() => Reach(() => { _machine.Resume(); return true; });

    /// <summary>See <see cref="Machine.Machine.InjectNmi"/>.</summary>
    internal bool InjectNmi(int vcpu) => Reach(() => _machine.InjectNmi(vcpu));

    /// <summary>What the guest has done so far.</summary>
    internal MachineProgress Progress() => _machine.Progress();

    /// <summary>Ends the run with this verdict, unless it has one.</summary>
    internal void End(Verdict verdict, bool postMortem) => _machine.End(verdict, postMortem);

    /// <summary>True when the run is over within this time; its report is complete then. Throws what its thread threw, which is a fault of hvrun's own.</summary>
    internal bool WaitForEnd(TimeSpan limit)
    {
        if (!_thread.Join(limit))
        {
            return false;
        }

        return _fault is { } fault ? throw new InvalidOperationException($"the guest's run broke down: {fault.Message}", fault) : true;
    }

    /// <summary>Ends the guest if it still runs, and gives everything back. A vCPU that the host keeps is left behind with its memory: nobody waits for it.</summary>
    public void Dispose()
    {
        if (_thread.IsAlive)
        {
            _machine.Interrupt("nobody needs the guest any more");
            _feed.Release();
            if (!_thread.Join(StopLimit))
            {
                return;
            }
        }

        _reach.EnterWriteLock();
        _isDisposed = true;
        _reach.ExitWriteLock();
        _run.Dispose();
    }

    private T Reach<T>(Func<T> action)
    {
        _reach.EnterReadLock();
        try
        {
            ObjectDisposedException.ThrowIf(_isDisposed, typeof(TestMachine));
            return action();
        }
        finally
        {
            _reach.ExitReadLock();
        }
    }

    private void Serve()
    {
        try
        {
            _run.Run();
            _run.Close(_ => { });
        }
        catch (Exception exception)
        {
            _fault = exception;
        }
        finally
        {
            _feed.End();
        }
    }
}
