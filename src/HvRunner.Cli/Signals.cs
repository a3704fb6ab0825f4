using System.Runtime.InteropServices;

namespace HvRunner.Cli;

/// <summary>Ctrl-C, SIGTERM and SIGHUP end the run with the verdict interrupted, instead of the process without one.</summary>
internal sealed class Signals : IDisposable
{
    private readonly PosixSignalRegistration[] _registrations;

    internal Signals(Action<string> interrupt)
    {
        PosixSignalRegistration Register(PosixSignal signal, string sentence) => PosixSignalRegistration.Create(signal, context =>
        {
            context.Cancel = true;
            interrupt(sentence);
        });
        _registrations =
        [
            Register(PosixSignal.SIGINT, "Ctrl-C"),
            Register(PosixSignal.SIGTERM, "SIGTERM"),
            Register(PosixSignal.SIGHUP, "the terminal went away"),
        ];
    }

    public void Dispose()
    {
        foreach (var registration in _registrations)
        {
            registration.Dispose();
        }
    }
}
