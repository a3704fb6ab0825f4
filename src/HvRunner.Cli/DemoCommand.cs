using System.CommandLine;
using HvRunner.Launch;

namespace HvRunner.Cli;

/// <summary><c>hvrun demo</c>: boots the guest that hvrun carries in itself, which shows what it found and ends by itself.</summary>
internal static class DemoCommand
{
    internal static Command Create(long start)
    {
        var command = new Command("demo", "Boots the guest embedded in hvrun: it shows what it found, takes some timer ticks and ends by itself.");
        IReadOnlyList<Option<string?>> options = [.. new HypervisorOptions().All];
        foreach (var option in options)
        {
            command.Options.Add(option);
        }

        command.SetAction(result =>
        {
            var faults = new Faults();
            var report = RunCommand.NewReport(start);
            var request = new RunRequest
            {
                Settings = new RunSettings
                {
                    CommandLine = "hello from hvrun",
                    MemoryBytes = 128UL << 20,
                    Hypervisor = RunOptions.ReaderOf(result, options, faults).ReadHypervisor(),
                    Timeout = TimeSpan.FromSeconds(30),
                },
            };
            using var session = new RunSession(request, faults, report, CarriedGuest.Open("demo"));
            return RunCommand.Execute(session);
        });
        return command;
    }
}
