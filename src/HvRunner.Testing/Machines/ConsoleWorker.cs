using HvRunner.Testing.Cases;

namespace HvRunner.Testing.Machines;

/// <summary>
/// The thread that reads a machine's console all the time, so that no guest waits for a test that does something else, and that carries out what tests
/// ask of the console, one request after another.
/// </summary>
internal sealed class ConsoleWorker : IDisposable
{
    private const int TailLines = 20;

    private readonly object _gate = new();
    private readonly Queue<Action> _requests = new();
    private readonly GuestSession _session;
    private readonly ConsoleReader _reader;
    private readonly Thread _thread;

    // What the kernel reported, or was rejected, while nobody waited: the next who does is told.
    private CaseFailedException? _unheard;
    private bool _stopped;

    internal ConsoleWorker(GuestSession session, ConsoleReader reader)
    {
        _session = session;
        _reader = reader;
        _thread = new Thread(Serve, 512 * 1024) { IsBackground = true, Name = "guest-console" };
        _thread.Start();
    }

    /// <summary>Runs a request on the console's thread. Whatever is wrong comes as an <see cref="ExpectationException"/>.</summary>
    internal Task<T> RunAsync<T>(Func<ConsoleReader, T> request, CancellationToken cancellation)
    {
        var completion = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_gate)
        {
            if (_stopped)
            {
                return Task.FromException<T>(new ObjectDisposedException(nameof(TestMachine)));
            }

            _requests.Enqueue(() => Run(request, completion, cancellation));
            Monitor.PulseAll(_gate);
        }

        _session.Nudge();
        return completion.Task;
    }

    /// <summary>Ends the thread; requests that were not begun end as disposed. The session has ended or is about to.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _stopped = true;
            Monitor.PulseAll(_gate);
        }

        _session.Nudge();
        _thread.Join();
    }

    private void Serve()
    {
        while (Next() is { } request)
        {
            request();
        }
    }

    /// <summary>The next request; the console is read until there is one. Null when the thread is to end.</summary>
    private Action? Next()
    {
        while (true)
        {
            lock (_gate)
            {
                while (_reader.HasEnded && _requests.Count == 0 && !_stopped)
                {
                    Monitor.Wait(_gate);
                }

                if (_requests.TryDequeue(out var request))
                {
                    return request;
                }

                if (_stopped)
                {
                    return null;
                }
            }

            try
            {
                _reader.ReadOnce();
            }
            catch (CaseFailedException failed)
            {
                _unheard ??= failed;
            }
        }
    }

    private void Run<T>(Func<ConsoleReader, T> request, TaskCompletionSource<T> completion, CancellationToken cancellation)
    {
        try
        {
            ObjectDisposedException.ThrowIf(_stopped, typeof(TestMachine));
            using var nudge = cancellation.Register(_session.Nudge);
            _reader.Cancellation = cancellation;
            cancellation.ThrowIfCancellationRequested();
            if (Interlocked.Exchange(ref _unheard, null) is { } unheard)
            {
                throw unheard;
            }

            completion.SetResult(request(_reader));
        }
        catch (OperationCanceledException)
        {
            completion.SetCanceled(cancellation);
        }
        catch (CaseFailedException failed)
        {
            var lines = (string[])[failed.Message, .. failed.Details.Select(detail => $"  {detail}"), "last lines of the console:", .. _session.LastLines(TailLines).Select(line => $"  | {line}")];
            completion.SetException(new ExpectationException(string.Join('\n', lines), failed));
        }
        catch (Exception exception)
        {
            completion.SetException(exception);
        }
        finally
        {
            _reader.Cancellation = CancellationToken.None;
        }
    }
}
