using HvRunner.Testing.Cases;

namespace HvRunner.Testing.Machines;

/// <summary>
/// Something that a test asks of a machine's console: a question, or a wait for what the guest does. It is made and may be cancelled on any thread; all
/// else happens on the console's.
/// </summary>
/// <param name="awaited">What is waited for, for sentences: "waiting for ..."; null for a question, which is answered at once.</param>
/// <param name="isInOrder">It waits until those before it that are in order are over.</param>
/// <param name="limit">When it is over at the latest.</param>
internal abstract class ConsoleRequest(string? awaited, bool isInOrder, Deadline limit)
{
    /// <summary>What is waited for; null for a question.</summary>
    internal string? Awaited => awaited;

    /// <summary>Its turn comes behind the others that are in order.</summary>
    internal bool IsInOrder => isInOrder;

    /// <summary>When it is over at the latest.</summary>
    internal Deadline Limit => limit;

    /// <summary>It was answered, has failed or was cancelled.</summary>
    internal abstract bool IsOver { get; }

    /// <summary>Answers it, if what was read so far does. Throws <see cref="CaseFailedException"/> when it cannot be answered any more.</summary>
    internal abstract void Look(ConsoleReader console);

    /// <summary>It cannot be answered. False when it is over already.</summary>
    internal abstract bool Fail(Exception exception);
}

/// <inheritdoc/>
/// <param name="awaited">As above.</param>
/// <param name="isInOrder">As above.</param>
/// <param name="limit">As above.</param>
/// <param name="look">Gives the answer, or null as long as there is none.</param>
/// <param name="answered">Called when the answer has reached the test: one that came too late has not been given.</param>
internal sealed class ConsoleRequest<T>(
    string? awaited, bool isInOrder, Deadline limit, Func<ConsoleReader, T?> look, Action<ConsoleReader, T>? answered = null)
    : ConsoleRequest(awaited, isInOrder, limit)
    where T : class
{
    private readonly TaskCompletionSource<T> _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private CancellationTokenRegistration _registration;

    /// <inheritdoc/>
    internal override bool IsOver => _completion.Task.IsCompleted;

    /// <summary>The answer.</summary>
    internal Task<T> Answer => _completion.Task;

    /// <summary>Lets a token cancel it, and says so; before the request is handed over.</summary>
    internal void CancelWith(Action cancelled, CancellationToken token) => _registration = token.UnsafeRegister(
        (_, given) =>
        {
            if (_completion.TrySetCanceled(given))
            {
                cancelled();
            }
        },
        null);

    /// <inheritdoc/>
    internal override void Look(ConsoleReader console)
    {
        if (look(console) is { } answer && _completion.TrySetResult(answer))
        {
            _registration.Unregister();
            answered?.Invoke(console, answer);
        }
    }

    /// <inheritdoc/>
    internal override bool Fail(Exception exception)
    {
        _registration.Unregister();
        return _completion.TrySetException(exception);
    }
}
