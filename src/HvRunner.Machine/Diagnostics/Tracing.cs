using HvRunner.Abstractions;

namespace HvRunner.Machine.Diagnostics;

/// <summary>Whether a machine is traced, and the traced form of a wire.</summary>
/// <param name="Log">The trace; null for none.</param>
internal sealed record Tracing(TraceLog? Log)
{
    /// <summary>The wire itself, or one that writes its changes into the trace.</summary>
    internal IInterruptLine Wire(IInterruptLine line, int gsi, string device) =>
        Log is null ? line : new TracedLine(line, gsi, device, Log);

    private sealed class TracedLine(IInterruptLine line, int gsi, string device, TraceLog log) : IInterruptLine
    {
        private int _level;

        public void Set(bool asserted)
        {
            var level = asserted ? 1 : 0;
            if (Interlocked.Exchange(ref _level, level) != level)
            {
                log.Interrupt(gsi, asserted, device);
            }

            line.Set(asserted);
        }
    }
}
