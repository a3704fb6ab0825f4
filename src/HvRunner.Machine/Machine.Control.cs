using System.Diagnostics;
using HvRunner.Abstractions;
using HvRunner.Chipset.Serial;
using HvRunner.Machine.Verdicts;

namespace HvRunner.Machine;

/// <content>What may be asked of a machine from any thread, before, during and after its run, until it is disposed.</content>
public sealed partial class Machine
{
    private static readonly TimeSpan PauseLimit = TimeSpan.FromSeconds(1);

    private volatile bool _urgent;

    /// <summary>The end of what the guest's console said.</summary>
    public ConsoleTail ConsoleTail => _board.Tail;

    /// <summary>The verdict, as soon as something decisive has happened; the run may still be ending. Any thread.</summary>
    public Verdict? Verdict => _control.Verdict;

    /// <summary>The guest takes console input and has none left. Any thread.</summary>
    public bool WantsInput => _board.Com1.WantsInput;

    /// <summary>The run is out of time or was ended from outside: what is left of the output is not waited for any longer. Any thread.</summary>
    public bool MustEnd => _urgent || TimedOut();

    /// <summary>To be called when <see cref="MachineConfig.ConsoleInput"/> has new bytes.</summary>
    public void InputReady() => _board.Com1.InputReady();

    /// <summary>Ends the run as interrupted, unless it has its verdict; then what is left of the output is given up. Any thread.</summary>
    public void Interrupt(string sentence) => End(new Verdict(VerdictKind.Interrupted, sentence));

    /// <summary>
    /// Ends the run with a verdict, unless it has one; output that nobody has taken yet is not waited for. <see cref="Diagnostics.PostMortem.Reason"/> is the verdict's sentence.
    /// Any thread; a paused machine ends as well.
    /// </summary>
    /// <param name="verdict">How it ended.</param>
    /// <param name="postMortem">With a post-mortem, should this verdict be taken, even where its kind comes without.</param>
    public void End(Verdict verdict, bool postMortem = false)
    {
        ArgumentNullException.ThrowIfNull(verdict);
        _control.End(verdict, postMortem);
        _urgent = true;
    }

    /// <summary>
    /// Takes every vCPU out of the guest and keeps it out until <see cref="Resume"/>; none enters before. True when that is so, also where the machine is paused
    /// already, has not begun or has ended. False, and nothing is changed, when a vCPU has not come out within a second, because it waits for a reader to take its
    /// output, say, or when somebody has resumed meanwhile. Any thread; on a vCPU's own, in the middle of an exit, that vCPU stops behind the instruction.
    /// <para>
    /// A virtual clock stands still meanwhile. On the host's clocks time goes on, and timers fall due; a guest with kvmclock is told of the gap. The time
    /// limit passes all the same, and <see cref="End"/> ends a paused machine at once.
    /// </para>
    /// </summary>
    public bool Pause() => _pause.Pause(PauseLimit);

    /// <summary>Lets the guest go on after <see cref="Pause"/>; without effect where it is not paused. Any thread.</summary>
    public void Resume() => _pause.Resume();

    /// <summary>
    /// Gives a vCPU a non-maskable interrupt, as a button on the box does, whatever the entries of its local APIC say. It wakes one that halted with interrupts off. While
    /// the machine is paused it waits. With a virtual clock the guest's time of it is up to the host. False when there is no such vCPU. Any thread.
    /// </summary>
    public bool InjectNmi(int vcpu)
    {
        if (vcpu < 0 || vcpu >= _partition.Vcpus.Count)
        {
            return false;
        }

        if (_board.ApicOf(vcpu) is { } apic)
        {
            _haltMonitor.Wake(apic.InjectNonMaskable);
            return true;
        }

        if (_partition.Vcpus[vcpu] is IVcpuNonMaskable target)
        {
            _haltMonitor.Wake(target.InjectNonMaskable);
            return true;
        }

        return false;
    }

    /// <summary>
    /// Presses the power button, which the guest learns of through ACPI; what it does then is its business. False when this machine has no ACPI. Any thread.
    /// </summary>
    public bool PressPowerButton()
    {
        _board.Pm1?.PressPowerButton();
        return _board.Pm1 is not null;
    }

    /// <summary>What the guest has done so far, and in the last second. Any thread.</summary>
    public MachineProgress Progress() => _progress.Read(Stopwatch.GetTimestamp());

    /// <summary>
    /// For a device's other side that keeps a vCPU's thread waiting for the host, input that is pulled say: to be asked on that thread every few milliseconds. Does not return
    /// while the machine is paused. False when the wait has to be given up: the run has its verdict, or an NMI waits for the vCPU.
    /// </summary>
    public bool MayWait()
    {
        _pause.PassOnThisThread();
        if (Verdict is not null)
        {
            return false;
        }

        for (var i = 0; i < _partition.Vcpus.Count; i++)
        {
            if (_board.ApicOf(i) is { HasNonMaskable: true })
            {
                return false;
            }
        }

        return true;
    }
}
