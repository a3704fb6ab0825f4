using System.CommandLine;

namespace HvRunner.Cli;

/// <summary><c>hvrun demo</c>: boots the guest that hvrun carries in itself, which shows what it found and ends by itself.</summary>
internal static class DemoCommand
{
    internal static Command Create(long start)
    {
        var command = new Command("demo", "Boots the guest embedded in hvrun: it shows what it found, takes some timer ticks and ends by itself.");
        var hypervisor = new HypervisorOptions();
        foreach (var option in hypervisor.All)
        {
            command.Options.Add(option);
        }

        command.SetAction(result =>
        {
            var faults = new Faults();
            var report = RunCommand.NewReport(start);
            var settings = new RunSettings
            {
                KernelPath = "the embedded demo",
                CommandLine = "hello from hvrun",
                MemoryBytes = 128UL << 20,
                Hypervisor = hypervisor.Read(result, faults),
                Timeout = TimeSpan.FromSeconds(30),
            };
            using var session = new RunSession(settings, faults, report, CarriedGuest.Open("demo"));
            return RunCommand.Execute(session);
        });
        return command;
    }
}
