using HvRunner.Abstractions;

namespace HvRunner.Machine.Verdicts;

/// <summary>
/// Decides a run's verdict: the first decisive event wins. <see cref="End"/> decides and ends the run; <see cref="Decide"/> only decides, for an
/// event after which the run goes on a little (a panic's last lines). Any thread; the decision is taken under a lock, the machine is told outside it.
/// </summary>
/// <param name="exitMap">How exit-port values become statuses.</param>
public sealed class RunControl(ExitMap exitMap) : IPowerControl
{
    private readonly Lock _gate = new();
    private Verdict? _verdict;
    private bool _ended;
    private bool _wantsPostMortem;

    /// <summary>Raised once, when the run is to end; on the thread whose event ended it.</summary>
    public event Action? Ended;

    /// <summary>The decision so far; null while nothing decisive has happened.</summary>
    public Verdict? Verdict
    {
        get
        {
            lock (_gate)
            {
                return _verdict;
            }
        }
    }

    /// <summary>The decision comes with a post-mortem: its kind always does, or whoever took it asked for one.</summary>
    public bool WantsPostMortem
    {
        get
        {
            lock (_gate)
            {
                return _wantsPostMortem;
            }
        }
    }

    /// <summary>Takes the verdict unless there is one; the run goes on.</summary>
    public void Decide(Verdict verdict)
    {
        lock (_gate)
        {
            Take(verdict, postMortem: false);
        }
    }

    /// <summary>Takes the verdict unless there is one, and ends the run.</summary>
    /// <param name="verdict">The verdict.</param>
    /// <param name="postMortem">With a post-mortem, should this verdict be taken, even where its kind has none.</param>
    public void End(Verdict verdict, bool postMortem = false)
    {
        lock (_gate)
        {
            Take(verdict, postMortem);
            if (_ended)
            {
                return;
            }

            _ended = true;
        }

        Ended?.Invoke();
    }

    /// <inheritdoc/>
    public void PowerOff(string source) => End(new Verdict(VerdictKind.PowerOff, $"the guest switched itself off ({source})"));

    /// <inheritdoc/>
    public void Reset(string source) => End(new Verdict(VerdictKind.Reset, $"the guest asked for a reset ({source})"));

    /// <inheritdoc/>
    public void ReportStatus(ulong value) => End(Verdicts.Verdict.OfGuestValue(value, exitMap));

    /// <inheritdoc/>
    public void Panic(string source) => End(new Verdict(VerdictKind.Panic, $"the guest said that it panicked ({source})"));

    /// <inheritdoc/>
    public void WatchdogExpired(string source) => End(new Verdict(VerdictKind.Watchdog, $"the guest's watchdog fired ({source})"));

    private void Take(Verdict verdict, bool postMortem)
    {
        if (_verdict is null)
        {
            _verdict = verdict;
            _wantsPostMortem = postMortem || verdict.HasPostMortem;
        }
    }
}
