using HvRunner.Kvm;

namespace HvRunner.Cli;

/// <summary>The host as far as it explains why KVM is missing or closed; gathered without opening the device.</summary>
internal sealed record DoctorHost
{
    /// <summary>The device's node, or null.</summary>
    internal KvmDeviceNode? Node { get; init; }

    /// <summary>Name of this user; the number where it has none.</summary>
    internal required string User { get; init; }

    /// <summary>This user is root.</summary>
    internal bool IsRoot { get; init; }

    /// <summary>Lines of /etc/group.</summary>
    internal IReadOnlyList<string> Groups { get; init; } = [];

    /// <summary>"vmx" or "svm", where /proc/cpuinfo shows the processor's virtualization.</summary>
    internal string? ProcessorFeature { get; init; }

    /// <summary>The kernel has KVM's driver, whether or not this file system has the device.</summary>
    internal bool KernelHasKvm { get; init; }

    /// <summary>The host, as it is now.</summary>
    internal static DoctorHost Look() => new()
    {
        Node = KvmDeviceNode.Find(KvmHypervisor.DevicePath),
        User = NameOf(() => Environment.UserName, Lines("/proc/self/status")),
        IsRoot = Environment.IsPrivilegedProcess,
        Groups = Lines("/etc/group"),
        ProcessorFeature = FeatureOf(Lines("/proc/cpuinfo")),
        KernelHasKvm = Directory.Exists("/sys/class/misc/kvm"),
    };

    /// <summary>The feature among the lines of /proc/cpuinfo.</summary>
    internal static string? FeatureOf(IEnumerable<string> processorLines)
    {
        var flags = processorLines.FirstOrDefault(line => line.StartsWith("flags", StringComparison.Ordinal));
        return flags?.Split(' ', '\t').FirstOrDefault(flag => flag is "vmx" or "svm");
    }

    /// <summary>What the system calls this user. An image without /etc/passwd makes the question fail.</summary>
    internal static string NameOf(Func<string> ask, IEnumerable<string> statusLines)
    {
        try
        {
            return ask() is { Length: > 0 } name ? name : UserIdOf(statusLines);
        }
        catch (IOException)
        {
            return UserIdOf(statusLines);
        }
    }

    /// <summary>The effective user id among the lines of /proc/self/status: real, effective, saved, of the file system.</summary>
    internal static string UserIdOf(IEnumerable<string> statusLines) =>
        statusLines.FirstOrDefault(line => line.StartsWith("Uid:", StringComparison.Ordinal))?.Split('\t') is { Length: > 2 } ids ? ids[2] : "this user";

    /// <summary>Name and members of a group by its number; null when /etc/group does not have it.</summary>
    internal (string Name, IReadOnlyList<string> Members)? Group(uint id)
    {
        foreach (var line in Groups)
        {
            var fields = line.Split(':');
            if (fields.Length == 4 && uint.TryParse(fields[2], out var number) && number == id)
            {
                return (fields[0], fields[3].Split(',', StringSplitOptions.RemoveEmptyEntries));
            }
        }

        return null;
    }

    /// <summary>There is a group of this name.</summary>
    internal bool HasGroup(string name) => Groups.Any(line => line.StartsWith(name + ":", StringComparison.Ordinal));

    private static string[] Lines(string path)
    {
        try
        {
            return File.ReadAllLines(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}
