namespace HvRunner.Testing.Scripts;

/// <summary>The words that a script may use: its keys, and the names that stand under them. What an option's value may be is known elsewhere.</summary>
internal static class ScriptVocabulary
{
    internal const string Timeout = "timeout";

    /// <summary>The options of <c>hvrun run</c> that describe the machine.</summary>
    internal static readonly string[] MachineOptions =
        ["kernel", "initrd", "cmdline", "memory", "cpus", "boot", "hypervisor", "irqchip", "clock", "acpi", "exit-port", "exit-map", "panic-text"];

    /// <summary>Options whose value is a file, relative to the script.</summary>
    internal static readonly string[] Files = ["kernel", "initrd"];

    /// <summary>Options of <c>hvrun run</c> that a script has no use for: the test itself has the console, and writes the reports.</summary>
    internal static readonly string[] RunOnly = ["console", "debug-console", "report", "trace", "trace-filter", "log", "verbose"];

    internal static readonly string[] Varying = [.. MachineOptions, Timeout];

    internal static readonly string[] Keys =
        ["name", .. MachineOptions, Timeout, "matrix", "steps", "verdict", "requires", "prompt", "problems", "ignore", "watch"];

    internal static readonly string[] Actions = ["expect", "send", "reject", "pause", "resume", "wait", "nmi", "mark", "exit-status", "for each"];

    /// <summary>Every verdict that a run may end with (interface.md).</summary>
    internal static readonly string[] Verdicts =
    [
        "poweroff", "guest-status", "usage", "bad-input", "no-input", "no-hypervisor", "internal", "no-permission", "reset", "panic", "triple-fault",
        "watchdog", "halted", "cpu-error", "timeout", "interrupted",
    ];

    internal static readonly string[] Requirements = ["hypervisor", "user-space", "kvm", "whp", "soft", "hardware"];

    /// <summary>Kinds of reports of a Linux kernel that are recognized on its console.</summary>
    internal static readonly string[] KernelReports =
    [
        "panic", "oops", "bug", "warning", "hung-task", "rcu-stall", "soft-lockup", "hard-lockup", "lockdep", "oom", "workqueue-stall", "kmemleak",
    ];

    /// <summary>Those that do not end a case unless they are asked for.</summary>
    internal static readonly string[] OptionalKernelReports = ["warning", "oom", "kmemleak"];

    /// <summary>What goes beside an action, in the order in which it is told.</summary>
    internal static string[] BesideAction(string action) => action switch
    {
        "expect" or "exit-status" => ["within"],
        "mark" => ["within", "since"],
        "for each" => ["prompt", "within"],
        _ => [],
    };

    /// <summary>The known name that a wrong one was most likely meant to be, or null.</summary>
    internal static string? Nearest(string name, IEnumerable<string> known)
    {
        var bare = name.TrimStart('-').ToLowerInvariant().Replace('_', '-');
        var best = known.Select(candidate => (Name: candidate, Distance: Distance(bare, candidate))).MinBy(candidate => candidate.Distance);
        return best.Name is not null && best.Distance <= Math.Min(2, best.Name.Length / 3) ? best.Name : null;
    }

    /// <summary>How many letters to insert, drop, change or swap with their neighbour. Names far too long are simply far away.</summary>
    private static int Distance(string from, string to)
    {
        if (Math.Abs(from.Length - to.Length) > 2)
        {
            return int.MaxValue;
        }

        var rows = new int[from.Length + 1, to.Length + 1];
        for (var i = 0; i <= from.Length; i++)
        {
            for (var j = 0; j <= to.Length; j++)
            {
                if (i == 0 || j == 0)
                {
                    rows[i, j] = i + j;
                    continue;
                }

                var changed = rows[i - 1, j - 1] + (from[i - 1] == to[j - 1] ? 0 : 1);
                rows[i, j] = Math.Min(changed, Math.Min(rows[i - 1, j], rows[i, j - 1]) + 1);
                if (i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1])
                {
                    rows[i, j] = Math.Min(rows[i, j], rows[i - 2, j - 2] + 1);
                }
            }
        }

        return rows[from.Length, to.Length];
    }
}
