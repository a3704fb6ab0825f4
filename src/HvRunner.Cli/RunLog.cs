using HvRunner.Launch;
using Serilog;
using Serilog.Core;
using Serilog.Events;

namespace HvRunner.Cli;

/// <summary>hvrun's own log: nowhere unless it is asked for, so that a plain run does not pay for it.</summary>
internal static class RunLog
{
    internal static ILogger Create(RunRequest request, Faults faults)
    {
        if (request.LogPath is null && !request.Verbose)
        {
            return Logger.None;
        }

        var configuration = new LoggerConfiguration().MinimumLevel.Debug();
        if (request.LogPath is { } path)
        {
            faults.Try(() =>
            {
                // Serilog reports a file that it cannot open nowhere; asking first tells the user.
                OutputFile.Open("--log", path).Dispose();
                return configuration.WriteTo.File(path, formatProvider: System.Globalization.CultureInfo.InvariantCulture);
            });
        }

        if (request.Verbose)
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
