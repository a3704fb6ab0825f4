using System.Diagnostics;
using HvRunner.Machine.Verdicts;
using HvRunner.Testing.Cases;

namespace HvRunner.Testing.Machines;

/// <summary>
/// The thread that reads a machine's console all the time, so that no guest waits for a test that does something else, and that answers what tests
/// ask of the console. What goes wrong on the console fails all that wait at that moment; where nobody does, those who wait next.
/// </summary>
internal sealed class ConsoleWorker : IDisposable
{
    private const int TailLines = 20;

    // For a guest that was told to end: to say its last words, and to be out. What takes longer is left behind.
    private static readonly TimeSpan LastWords = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan EndLimit = TimeSpan.FromSeconds(10);

    private readonly object _gate = new();
    private readonly GuestSession _session;
    private readonly ConsoleReader _reader;
    private readonly Thread _thread;
    private readonly List<ConsoleRequest> _asked = [];
    private bool _isStopped;

    // The thread's own.
    private readonly List<ConsoleRequest> _pending = [];
    private CaseFailedException? _unheard;
    private long _decidedAt;

    internal ConsoleWorker(GuestSession session, ConsoleReader reader)
    {
        _session = session;
        _reader = reader;
        _thread = new Thread(Serve, 512 * 1024) { IsBackground = true, Name = "guest-console" };
        _thread.Start();
    }

    /// <summary>Something that was awaited did not come. Any thread.</summary>
    internal bool HasFailed { get; private set; }

    /// <summary>Asks. Whatever is wrong comes as an <see cref="ExpectationException"/>; once the worker is disposed, as an <see cref="ObjectDisposedException"/>. Any thread.</summary>
    internal Task<T> RunAsync<T>(ConsoleRequest<T> request, CancellationToken cancellation = default)
        where T : class
    {
        request.CancelWith(_session.Nudge, cancellation);
        lock (_gate)
        {
            if (_isStopped)
            {
                request.Fail(Disposed());
                return request.Answer;
            }

            _asked.Add(request);
            Monitor.PulseAll(_gate);
        }

        _session.Nudge();
        return request.Answer;
    }

    /// <summary>From now on nothing is answered any more: an end of the guest that comes behind this is nobody's failure. Any thread.</summary>
    internal void Stop()
    {
        lock (_gate)
        {
            _isStopped = true;
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Ends the thread, and with it whatever was asked. The session has ended or is about to; what it still says is read.</summary>
    public void Dispose()
    {
        Stop();

        // A listener that does not return keeps its thread, but not us.
        _session.Nudge();
        _thread.Join(EndLimit);
    }

    private void Serve()
    {
        while (Take())
        {
            LookAtAll();
            if (!_reader.HasEnded)
            {
                Read();
            }
        }

        _pending.ForEach(request => request.Fail(Disposed()));
        _reader.Drain(Deadline.After(Stopwatch.GetTimestamp(), LastWords, string.Empty));
    }

    /// <summary>Takes what was asked; waits for it where there is nothing else to do. False when the thread is to end.</summary>
    private bool Take()
    {
        lock (_gate)
        {
            while (_reader.HasEnded && _pending.Count == 0 && _asked.Count == 0 && !_isStopped)
            {
                Monitor.Wait(_gate);
            }

            _pending.AddRange(_asked);
            _asked.Clear();
            return !_isStopped;
        }
    }

    private void Read()
    {
        var limit = Deadline.Never;
        var isAwaited = false;
        foreach (var request in _pending)
        {
            limit = limit.Or(request.Limit);
            isAwaited |= request.Awaited is not null;
        }

        try
        {
            _reader.ReadOnce(limit, isAwaited);
        }
        catch (CaseFailedException failed)
        {
            _unheard ??= failed;
        }
    }

    private void LookAtAll()
    {
        var (failed, isHeard) = (_unheard, false);
        var isTurn = true;
        foreach (var request in _pending)
        {
            if (failed is not null && request.Awaited is not null)
            {
                isHeard |= Fail(request, failed);
            }
            else if (isTurn || !request.IsInOrder)
            {
                LookAt(request);
            }
            else
            {
                FailIfPassed(request);
            }

            isTurn &= !request.IsInOrder || request.IsOver;
        }

        _unheard = isHeard ? null : failed;
        _pending.RemoveAll(request => request.IsOver);
    }

    private void LookAt(ConsoleRequest request)
    {
        try
        {
            request.Look(_reader);
            if (!request.IsOver)
            {
                ThrowIfEnded(request);
                FailIfPassed(request);
            }
        }
        catch (CaseFailedException failed)
        {
            Fail(request, failed);
        }
        catch (Exception exception)
        {
            request.Fail(exception);
        }
    }

    /// <summary>What has not come by now does not come any more where the console has ended, or should have long ago. The latter also fails a wait for the end.</summary>
    private void ThrowIfEnded(ConsoleRequest request)
    {
        if (!_reader.HasEnded)
        {
            if (_session.Verdict is not null)
            {
                _decidedAt = _decidedAt == 0 ? Stopwatch.GetTimestamp() : _decidedAt;
                if (Stopwatch.GetElapsedTime(_decidedAt) > EndLimit)
                {
                    throw NotGivenBack();
                }
            }

            return;
        }

        var verdict = EndOfRun();
        throw new CaseFailedException($"the guest ended with the verdict {verdict.Name}{(verdict.Sentence is null ? "" : $" ({verdict.Sentence})")} while {request.Awaited}");
    }

    /// <summary>How the run has ended, whose console has. Throws when its end does not come, or it broke down. The thread's own.</summary>
    internal Verdict EndOfRun() => _session.WaitForEnd(EndLimit) ? _session.Verdict! : throw NotGivenBack();

    private void FailIfPassed(ConsoleRequest request)
    {
        if (request.Limit.HasPassed)
        {
            Fail(request, new CaseFailedException($"{request.Limit.Sentence} passed while {request.Awaited}", isTimeout: true));
        }
    }

    private bool Fail(ConsoleRequest request, CaseFailedException failed)
    {
        HasFailed = true;
        var lines = (string[])[failed.Message, .. failed.Details.Select(detail => $"  {detail}"), "last lines of the console:", .. _session.LastLines(TailLines).Select(line => $"  | {line}")];
        return request.Fail(new ExpectationException(string.Join('\n', lines)));
    }

    private static CaseFailedException NotGivenBack() => new("the host does not give the guest back");

    private static ObjectDisposedException Disposed() => new(nameof(TestMachine));
}
