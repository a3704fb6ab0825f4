using System.IO.Pipes;

namespace HvRunner.Host.Tests;

/// <summary>An anonymous pipe, both ends in this process, by descriptor and as streams.</summary>
internal sealed class TestPipe : IDisposable
{
    private readonly AnonymousPipeServerStream _write = new(PipeDirection.Out);
    private readonly AnonymousPipeClientStream _read;

    internal TestPipe() => _read = new AnonymousPipeClientStream(PipeDirection.In, _write.ClientSafePipeHandle);

    internal Stream Reader => _read;

    internal Stream Writer => _write;

    internal int ReadDescriptor => (int)_read.SafePipeHandle.DangerousGetHandle();

    internal int WriteDescriptor => (int)_write.SafePipeHandle.DangerousGetHandle();

    public void Dispose()
    {
        _write.Dispose();
        _read.Dispose();
    }
}
