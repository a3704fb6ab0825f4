using HvRunner.Abstractions;

namespace HvRunner.Chipset.Tests;

/// <summary>Remembers what devices asked of the machine, in words.</summary>
internal sealed class RecordingPower : IPowerControl
{
    public List<string> Events { get; } = [];

    public void PowerOff(string source) => Events.Add($"power off by {source}");

    public void Reset(string source) => Events.Add($"reset by {source}");

    public void ReportStatus(ulong value) => Events.Add($"status {value}");

    public void Panic(string source) => Events.Add($"panic by {source}");

    public void WatchdogExpired(string source) => Events.Add($"watchdog {source}");
}
