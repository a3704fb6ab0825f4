namespace HvRunner.Machine.Verdicts;

/// <summary>The one outcome of a run. The value is the exit status, but for <see cref="GuestStatus"/>, whose status the guest chose.</summary>
public enum VerdictKind
{
    /// <summary>The guest switched itself off, or reported status 0.</summary>
    PowerOff = 0,

    /// <summary>The guest reported a status other than 0.</summary>
    GuestStatus = 1,

    /// <summary>The command line is wrong.</summary>
    Usage = 64,

    /// <summary>A kernel, initrd, image or script is malformed.</summary>
    BadInput = 65,

    /// <summary>An input file is missing or unreadable.</summary>
    NoInput = 66,

    /// <summary>No usable hypervisor on this host.</summary>
    NoHypervisor = 69,

    /// <summary>A fault of hvrun's own.</summary>
    Internal = 70,

    /// <summary>The hypervisor exists, this user may not use it.</summary>
    NoPermission = 77,

    /// <summary>The guest asked for a reset.</summary>
    Reset = 80,

    /// <summary>The guest said that it panicked.</summary>
    Panic = 81,

    /// <summary>The guest's processor shut down.</summary>
    TripleFault = 82,

    /// <summary>The guest's watchdog fired.</summary>
    Watchdog = 83,

    /// <summary>Every vCPU is halted with nothing that could ever wake it.</summary>
    Halted = 84,

    /// <summary>The hypervisor could not go on running the guest.</summary>
    CpuError = 85,

    /// <summary>The time limit passed.</summary>
    Timeout = 124,

    /// <summary>Ctrl-C, SIGTERM, or the reader of standard output went away.</summary>
    Interrupted = 130,
}

/// <summary>How a run ended.</summary>
/// <param name="Kind">Which of the outcomes.</param>
/// <param name="Sentence">For people: what happened. Null where the name says it all.</param>
/// <param name="GuestValue">What the guest wrote to the exit port, unmapped; null when it wrote nothing.</param>
/// <param name="Status">The exit status.</param>
public sealed record Verdict(VerdictKind Kind, string? Sentence, ulong? GuestValue, int Status)
{
    /// <summary>The largest status that a guest can choose; larger values are reported as this one.</summary>
    public const int MaxGuestStatus = 63;

    /// <summary>A verdict whose status is its kind's.</summary>
    public Verdict(VerdictKind kind, string? sentence = null)
        : this(kind, sentence, null, (int)kind)
    {
    }

    /// <summary>The name in messages, reports and scripts.</summary>
    public string Name => NameOf(Kind);

    /// <summary>True for the outcomes that come with a post-mortem.</summary>
    public bool HasPostMortem => Kind
        is VerdictKind.Panic or VerdictKind.TripleFault or VerdictKind.Watchdog or VerdictKind.Halted or VerdictKind.CpuError or VerdictKind.Timeout;

    /// <summary>The verdict for a value on the exit port.</summary>
    public static Verdict OfGuestValue(ulong value, ExitMap map)
    {
        // Saturating: a 64-bit value must not wrap into a small status.
        var status = map == ExitMap.Qemu ? (value > MaxGuestStatus ? MaxGuestStatus : (value * 2) + 1) : value;
        var capped = (int)Math.Min(status, MaxGuestStatus);
        return capped == 0
            ? new Verdict(VerdictKind.PowerOff, "the guest reported status 0", value, 0)
            : new Verdict(VerdictKind.GuestStatus, $"the guest reported status {status}", value, capped);
    }

    /// <summary>The name of a kind.</summary>
    public static string NameOf(VerdictKind kind) => kind switch
    {
        VerdictKind.PowerOff => "poweroff",
        VerdictKind.GuestStatus => "guest-status",
        VerdictKind.Usage => "usage",
        VerdictKind.BadInput => "bad-input",
        VerdictKind.NoInput => "no-input",
        VerdictKind.NoHypervisor => "no-hypervisor",
        VerdictKind.Internal => "internal",
        VerdictKind.NoPermission => "no-permission",
        VerdictKind.Reset => "reset",
        VerdictKind.Panic => "panic",
        VerdictKind.TripleFault => "triple-fault",
        VerdictKind.Watchdog => "watchdog",
        VerdictKind.Halted => "halted",
        VerdictKind.CpuError => "cpu-error",
        VerdictKind.Timeout => "timeout",
        VerdictKind.Interrupted => "interrupted",
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, null),
    };
}

/// <summary>How a value on the exit port becomes an exit status.</summary>
public enum ExitMap
{
    /// <summary>Value v is status v.</summary>
    Raw,

    /// <summary>Value v is status 2v + 1, as QEMU's isa-debug-exit has it.</summary>
    Qemu,
}
