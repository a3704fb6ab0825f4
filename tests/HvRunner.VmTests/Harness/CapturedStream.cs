using System.Buffers;
using System.Text;

namespace HvRunner.VmTests.Harness;

/// <summary>Reads a child's stream to its end into memory, so that the child never waits for the test, and lets the test wait for a text in it.</summary>
internal sealed class CapturedStream
{
    private readonly Lock _gate = new();
    private readonly ArrayBufferWriter<byte> _bytes = new();
    private TaskCompletionSource _changed = NewSignal();

    internal CapturedStream(Stream stream) => Completion = Task.Run(() => ReadAsync(stream));

    /// <summary>Ends when the stream does.</summary>
    internal Task Completion { get; }

    internal byte[] Bytes
    {
        get
        {
            lock (_gate)
            {
                return _bytes.WrittenSpan.ToArray();
            }
        }
    }

    internal string Text => Encoding.UTF8.GetString(Bytes);

    /// <summary>Waits until the stream holds the text; false when it ends without it.</summary>
    internal async Task<bool> WaitForAsync(string text, CancellationToken cancellation)
    {
        while (true)
        {
            Task changed;
            lock (_gate)
            {
                changed = _changed.Task;
            }

            var ended = Completion.IsCompleted;
            if (Text.Contains(text, StringComparison.Ordinal))
            {
                return true;
            }

            if (ended)
            {
                return false;
            }

            await Task.WhenAny(changed, Completion).WaitAsync(cancellation);
        }
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private async Task ReadAsync(Stream stream)
    {
        var buffer = new byte[64 * 1024];
        while (await stream.ReadAsync(buffer) is var count && count > 0)
        {
            TaskCompletionSource changed;
            lock (_gate)
            {
                _bytes.Write(buffer.AsSpan(0, count));
                changed = _changed;
                _changed = NewSignal();
            }

            changed.SetResult();
        }
    }
}
