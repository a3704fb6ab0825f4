using System.Runtime.InteropServices;

namespace HvRunner.Cli;

/// <summary>
/// Ctrl-C, SIGTERM and SIGHUP end the run with the verdict interrupted, instead of the process without one. They are held until the process ends:
/// one that comes while the verdict is being told must not cut it short.
/// </summary>
internal static class Signals
{
    private static readonly List<PosixSignalRegistration> Registrations = [];

    internal static void EndWith(Action<string> interrupt)
    {
        void Register(PosixSignal signal, string sentence) => Registrations.Add(PosixSignalRegistration.Create(signal, context =>
        {
            context.Cancel = true;
            interrupt(sentence);
        }));
        Register(PosixSignal.SIGINT, "Ctrl-C");
        Register(PosixSignal.SIGTERM, "SIGTERM");
        Register(PosixSignal.SIGHUP, "the terminal went away");
    }
}
