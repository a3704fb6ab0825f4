using Serilog;
using Serilog.Core;
using Serilog.Events;

namespace HvRunner.Cli;

/// <summary>hvrun's own log: nowhere unless it is asked for, so that a plain run does not pay for it.</summary>
internal static class RunLog
{
    internal static ILogger Create(RunSettings settings, Faults faults)
    {
        if (settings.LogPath is null && !settings.Verbose)
        {
            return Logger.None;
        }

        var configuration = new LoggerConfiguration().MinimumLevel.Debug();
        if (settings.LogPath is { } path)
        {
            faults.Try(() =>
            {
                // Serilog reports a file that it cannot open nowhere; asking first tells the user.
                OutputFile.Open("--log", path).Dispose();
                return configuration.WriteTo.File(path, formatProvider: System.Globalization.CultureInfo.InvariantCulture);
            });
        }

        if (settings.Verbose)
        {
            configuration.WriteTo.Sink(new Words());
        }

        return configuration.CreateLogger();
    }

    /// <summary>The log among hvrun's own words.</summary>
    private sealed class Words : ILogEventSink
    {
        public void Emit(LogEvent logEvent) =>
            StandardError.Words.WriteLine($"hvrun: {logEvent.RenderMessage(System.Globalization.CultureInfo.InvariantCulture)}");
    }
}
