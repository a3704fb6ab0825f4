using HvRunner.Chipset.Serial;

namespace HvRunner.Testing.Machines;

/// <summary>Keeps what a guest writes to its debug console, port 0xe9, as far as it fits. vCPU threads write; any thread reads.</summary>
internal sealed class DebugRecorder : ISerialOutput
{
    private const int MaxBytes = 256 * 1024;

    private readonly Lock _gate = new();
    private byte[] _bytes = [];
    private int _count;

    /// <inheritdoc/>
    public void Write(ReadOnlySpan<byte> data)
    {
        lock (_gate)
        {
            data = data[..Math.Min(data.Length, MaxBytes - _count)];
            if (_count + data.Length > _bytes.Length)
            {
                Array.Resize(ref _bytes, Math.Min(MaxBytes, Math.Max(1024, 2 * (_count + data.Length))));
            }

            data.CopyTo(_bytes.AsSpan(_count));
            _count += data.Length;
        }
    }

    /// <summary>All that was kept.</summary>
    internal byte[] ToArray()
    {
        lock (_gate)
        {
            return _bytes[.._count];
        }
    }
}
