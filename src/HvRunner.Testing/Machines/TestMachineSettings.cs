using System.Globalization;
using HvRunner.Launch;
using HvRunner.Testing.KernelReports;

namespace HvRunner.Testing.Machines;

/// <summary>The options of a <see cref="TestMachine"/> as a run's settings, checked. It opens no files.</summary>
internal static class TestMachineSettings
{
    // Each has a property of its own, which would win silently.
    private static readonly string[] HaveProperties = ["initrd", "cmdline", "memory", "cpus", "hypervisor", "timeout"];

    /// <summary>Reads them. What is wrong is added to <paramref name="faults"/>, and a default taken for it.</summary>
    internal static RunSettings Read(TestMachineOptions options, Faults faults)
    {
        var given = new Dictionary<string, string?>(StringComparer.Ordinal)
        {
            ["initrd"] = options.Initrd,
            ["cmdline"] = options.CommandLine,
            ["memory"] = options.Memory,
            ["cpus"] = options.Cpus.ToString(CultureInfo.InvariantCulture),
            ["hypervisor"] = options.Hypervisor,
        };
        var others = RunSettingsReader.Names.Except(HaveProperties).ToArray();
        foreach (var (name, text) in options.Options)
        {
            if (others.Contains(name))
            {
                given[name] = text;
            }
            else
            {
                faults.Usage(HaveProperties.Contains(name)
                    ? $"{name}: expected in the property of {nameof(TestMachineOptions)} that is there for it, found among the other options."
                    : $"{name}: expected one of the options {string.Join(", ", others)}.");
            }
        }

        if (string.IsNullOrEmpty(options.Kernel))
        {
            faults.Usage("kernel: expected a file, found none.");
        }

        if (options.Timeout <= TimeSpan.Zero)
        {
            faults.Usage($"timeout: expected a time above zero, found {options.Timeout.TotalSeconds.ToString("0.###", CultureInfo.InvariantCulture)} s; no machine runs without a limit.");
        }

        foreach (var unknown in options.KernelReports.Except(KernelReportTable.AllNames))
        {
            faults.Usage($"kernel reports: expected some of {string.Join(", ", KernelReportTable.AllNames.Order(StringComparer.Ordinal))}, found '{unknown}'.");
        }

        var settings = new RunSettingsReader(given.GetValueOrDefault, (name, sentence) => faults.Usage($"{name}: {sentence}")).Read(options.Kernel, []);
        return settings with { KernelPath = string.IsNullOrEmpty(options.Kernel) ? null : options.Kernel, Timeout = options.Timeout };
    }
}
