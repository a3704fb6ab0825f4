using System.Globalization;
using HvRunner.Fakes;
using Xunit.Abstractions;

namespace HvRunner.Testing.Xunit.Tests;

/// <summary>The output of a test that is only played: it keeps what it is told, and like xunit's it throws once its test is over.</summary>
internal sealed class TestOfOthers : ITestOutputHelper
{
    private readonly List<string> _lines = [];
    private bool _isOver;

    internal IReadOnlyList<string> Lines
    {
        get
        {
            lock (_lines)
            {
                return [.. _lines];
            }
        }
    }

    public void WriteLine(string message)
    {
        lock (_lines)
        {
            if (_isOver)
            {
                throw new InvalidOperationException("There is no currently active test.");
            }

            _lines.Add(message);
        }
    }

    public void WriteLine(string format, params object[] args) => WriteLine(string.Format(CultureInfo.InvariantCulture, format, args));

    internal void End()
    {
        lock (_lines)
        {
            _isOver = true;
        }
    }
}

/// <summary>The file of a kernel of a few instructions, gone with its test.</summary>
internal sealed class KernelFile : IDisposable
{
    private readonly string _path = Path.GetTempFileName();

    internal KernelFile(params byte[][] code) => File.WriteAllBytes(_path, TinyKernel.Build([.. code.SelectMany(bytes => bytes)]));

    internal TestMachineOptions Options => new() { Kernel = _path, Hypervisor = "soft", Memory = "16M", Timeout = TimeSpan.FromSeconds(20) };

    public void Dispose() => File.Delete(_path);
}
