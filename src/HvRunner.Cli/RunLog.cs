using Serilog;
using Serilog.Core;

namespace HvRunner.Cli;

/// <summary>hvrun's own log: nowhere unless it is asked for, so that a plain run does not pay for it.</summary>
internal static class RunLog
{
    internal static Logger Create(RunSettings settings, Faults faults)
    {
        // Without a target every message would still be parsed.
        var configuration = new LoggerConfiguration().MinimumLevel.Fatal();
        if (settings.LogPath is { } path)
        {
            faults.Try(() =>
            {
                // Serilog reports a file that it cannot open nowhere; asking first tells the user.
                OutputFile.Create("--log", path).Dispose();
                return configuration.MinimumLevel.Debug().WriteTo.File(path, formatProvider: System.Globalization.CultureInfo.InvariantCulture);
            });
        }

        if (settings.Verbose)
        {
            configuration.MinimumLevel.Debug().WriteTo.Console(
                outputTemplate: "hvrun: {Message:lj}{NewLine}{Exception}",
                standardErrorFromLevel: Serilog.Events.LogEventLevel.Verbose,
                formatProvider: System.Globalization.CultureInfo.InvariantCulture);
        }

        return configuration.CreateLogger();
    }
}
