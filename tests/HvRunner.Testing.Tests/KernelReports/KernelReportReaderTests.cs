using HvRunner.Testing.KernelReports;

namespace HvRunner.Testing.Tests.KernelReports;

public class KernelReportReaderTests
{
    private static readonly KernelReportOptions Everything = new() { Names = KernelReportTable.AllNames };

    [Theory]
    [InlineData("panic", "Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000009")]
    [InlineData("oops", "BUG: unable to handle page fault for address: ffffc90000a00000")]
    [InlineData("oops", "BUG: unable to handle kernel NULL pointer dereference at 0000000000000010")]
    [InlineData("oops", "BUG: unable to handle kernel paging request at ffffc90000a00000")]
    [InlineData("oops", "BUG: kernel NULL pointer dereference, address: 0000000000000010")]
    [InlineData("oops", "BUG: TASK stack guard page was hit at ffffc90000a00000 (stack is ffffc90000a01000..ffffc90000a04fff)")]
    [InlineData("oops", "Oops: 0002 [#1] PREEMPT SMP NOPTI")]
    [InlineData("oops", "Oops: invalid opcode: 0000 [#1] PREEMPT SMP")]
    [InlineData("oops", "general protection fault, probably for non-canonical address 0xdead000000000100: 0000 [#1] SMP")]
    [InlineData("oops", "general protection fault: 0000 [#1] SMP PTI")]
    [InlineData("oops", "invalid opcode: 0000 [#1] SMP")]
    [InlineData("oops", "kernel BUG at mm/slub.c:432!")]
    [InlineData("oops", "stack segment: 0000 [#1] SMP")]
    [InlineData("oops", "double fault: 0000 [#1] SMP")]
    [InlineData("oops", "traps: PANIC: double fault, error_code: 0x0")]
    [InlineData("oops", "divide error: 0000 [#1] SMP")]
    [InlineData("oops", "int3: 0000 [#1] SMP")]
    [InlineData("oops", "Internal error: Oops - BUG: 00000000f2000800 [#1] SMP")]
    [InlineData("oops", "Unable to handle kernel paging request at virtual address ffff800000000000")]
    [InlineData("warning", "WARNING: CPU: 1 PID: 60 at lib/refcount.c:28 refcount_warn_saturate+0xa0/0x150")]
    [InlineData("warning", "WARNING: lib/refcount.c:28 at refcount_warn_saturate+0xa0/0x150, CPU#1: sh/60")]
    [InlineData("bug", "BUG: sleeping function called from invalid context at kernel/locking/mutex.c:580")]
    [InlineData("bug", "BUG: scheduling while atomic: sh/81/0x00000002")]
    [InlineData("bug", "BUG: KASAN: use-after-free in foo+0x10/0x20")]
    [InlineData("bug", "BUG: KFENCE: out-of-bounds read in foo+0x10/0x20")]
    [InlineData("bug", "BUG: KCSAN: data-race in foo / bar")]
    [InlineData("bug", "UBSAN: shift-out-of-bounds in lib/foo.c:12:9")]
    [InlineData("bug", "BUG: Bad page state in process sh  pfn:04a1b")]
    [InlineData("bug", "BUG: using smp_processor_id() in preemptible [00000000] code: sh/70")]
    [InlineData("bug", "BUG: spinlock bad magic on CPU#0, sh/70")]
    [InlineData("bug", "BUG kmalloc-64 (Not tainted): Poison overwritten")]
    [InlineData("bug", "list_add corruption. next->prev should be prev (ffff8880), but was 0000. (next=ffff8881).")]
    [InlineData("bug", "list_del corruption, ffff888004a1b040->next is NULL")]
    [InlineData("hung-task", "INFO: task mount:99 blocked for more than 120 seconds.")]
    [InlineData("hung-task", "INFO: task dd:456 blocked in I/O wait for more than 122 seconds.")]
    [InlineData("rcu-stall", "rcu: INFO: rcu_preempt self-detected stall on CPU")]
    [InlineData("rcu-stall", "rcu: INFO: rcu_sched self-detected stall on CPU { 0-....}")]
    [InlineData("rcu-stall", "rcu: INFO: rcu_sched detected stalls on CPUs/tasks:")]
    [InlineData("rcu-stall", "rcu: INFO: rcu_preempt detected expedited stalls on CPUs/tasks: {")]
    [InlineData("rcu-stall", "rcu: rcu_preempt kthread starved for 5250 jiffies! g-319 f0x0")]
    [InlineData("soft-lockup", "watchdog: BUG: soft lockup - CPU#1 stuck for 26s! [spin:101]")]
    [InlineData("hard-lockup", "watchdog: Watchdog detected hard LOCKUP on cpu 0")]
    [InlineData("hard-lockup", "watchdog: CPU3: Watchdog detected hard LOCKUP on cpu 3")]
    [InlineData("hard-lockup", "NMI watchdog: Watchdog detected hard LOCKUP on cpu 0")]
    [InlineData("lockdep", "WARNING: possible circular locking dependency detected")]
    [InlineData("lockdep", "WARNING: possible recursive locking detected")]
    [InlineData("lockdep", "WARNING: inconsistent lock state")]
    [InlineData("lockdep", "WARNING: suspicious RCU usage")]
    [InlineData("lockdep", "WARNING: bad unlock balance detected!")]
    [InlineData("lockdep", "WARNING: lock held when returning to user space!")]
    [InlineData("lockdep", "WARNING: HARDIRQ-safe -> HARDIRQ-unsafe lock order detected")]
    [InlineData("lockdep", "WARNING: sh/70 still has locks held!")]
    [InlineData("lockdep", "[ BUG: Invalid wait context ]")]
    [InlineData("oom", "Out of memory: Killed process 84 (sh) total-vm:2260kB, anon-rss:76kB")]
    [InlineData("oom", "Memory cgroup out of memory: Killed process 84 (sh) total-vm:2260kB")]
    [InlineData("workqueue-stall", "BUG: workqueue lockup - pool cpus=0 node=0 flags=0x0 nice=0 stuck for 33s!")]
    [InlineData("kmemleak", "kmemleak: 3 new suspected memory leaks (see /sys/kernel/debug/kmemleak)")]
    public void Text_OfTheKernel_IsRecognized(string name, string text)
    {
        foreach (var prefix in new[] { "", "[    1.234567] ", "[    1.234567][    T1] ", "<1>[    1.234567] ", "kern  :emerg : [    1.234567] " })
        {
            var report = Assert.Single(Read(Everything, prefix + text));
            Assert.Equal((name, text), (report.Name, report.Title));
            Assert.Equal([prefix + text], report.Lines);
            Assert.Equal(KernelReportTable.DefaultNames.Contains(name) ? 1 : 0, Read(new KernelReportOptions(), prefix + text).Count);
        }

        Assert.Empty(Read(Everything, "echo " + text));
        Assert.Empty(Read(Everything, "# " + text));
        Assert.Empty(Read(Everything, "[    1.234567] prog[7]: " + text));
    }

    [Theory]
    [InlineData("BUG: nobody knows this one")]
    [InlineData("Oops: a program says so")]
    [InlineData("INFO: task queue is empty")]
    [InlineData("INFO: task sh:7 is blocked on a mutex likely owned by task dd:8.")]
    [InlineData("WARNING: polling idle and HT enabled, performance may degrade")]
    [InlineData("traps: prog[12] trap invalid opcode ip:401000 sp:7ffc0 error:0")]
    [InlineData("watchdog: Delayed init of the lockup detector failed: -19")]
    [InlineData("rcu: Hierarchical RCU implementation.")]
    [InlineData("  Kernel panic - not syncing: indented")]
    [InlineData("kernel panic - not syncing: in small letters")]
    [InlineData("==================================================================")]
    [InlineData("------------[ cut here ]------------")]
    public void OtherLine_IsNothing(string line) => Assert.Empty(Read(Everything, line));

    [Fact]
    public void EveryText_IsReachedByItsOwnLine() => Assert.All(
        KernelReportTable.Texts,
        text => Assert.Equal(text.Name, Assert.Single(Read(Everything, text.Start + "x " + text.Contains)).Name));

    [Fact]
    public void Defaults_LeaveOutWhatATestMayBeAbout() =>
        Assert.Equal(["kmemleak", "oom", "warning"], KernelReportTable.AllNames.Except(KernelReportTable.DefaultNames).Order(StringComparer.Ordinal));

    [Fact]
    public void Oops_EndsAtItsMark_AndKeepsLinesBetween()
    {
        var report = Assert.Single(Read(Everything, "before", "[    1.0] BUG: kernel NULL pointer dereference, address: 0", "[    1.0] Oops: 0000 [#1] SMP", "a program's line", "[    1.0] ---[ end trace 0000000000000000 ]---", "after"));
        Assert.Equal(4, report.Lines.Count);
        Assert.Equal("a program's line", report.Lines[2]);
    }

    [Fact]
    public void Trace_HasAFewLinesBehindIt()
    {
        var report = Assert.Single(Read(Everything, ["INFO: task a:1 blocked for more than 9 seconds.", " <TASK>", " </TASK>", .. Enumerable.Range(0, 50).Select(number => $"line {number}")]));
        Assert.Equal("line 4", report.Lines[^1]);
    }

    [Fact]
    public void Opening_BelongsToTheReport()
    {
        const string Ruler = "[    1.0] ======================================";
        var reports = Read(Everything, Ruler, "[    1.0] WARNING: inconsistent lock state", "[    1.0] stack", Ruler, "[    1.0] WARNING: suspicious RCU usage", "------------[ cut here ]------------", "words", "WARNING: CPU: 0 PID: 1 at a.c:1 f+0x0/0x1", "---[ end trace 0 ]---");
        Assert.Equal(["lockdep 3", "lockdep 2", "warning 4"], reports.Select(report => $"{report.Name} {report.Lines.Count}"));
        Assert.Equal(Ruler, reports[1].Lines[0]);
    }

    [Fact]
    public void ClosingRuler_OpensNothing()
    {
        var reports = Read(Everything, "BUG: KASAN: a", "=========================", "BUG: scheduling while atomic: a");
        Assert.Equal([2, 1], reports.Select(report => report.Lines.Count));
    }

    [Fact]
    public void Panic_EndsAnOops_AndEndsAtItsMark()
    {
        var reports = Read(Everything, "Oops: 0000 [#1] SMP", "Kernel panic - not syncing: Fatal exception", " </TASK>", "1", "2", "3", "4", "5", "6", "---[ end Kernel panic - not syncing: Fatal exception ]---", "after");
        Assert.Equal(["oops 1", "panic 9"], reports.Select(report => $"{report.Name} {report.Lines.Count}"));
    }

    [Fact]
    public void Report_EndsAtAHundredLines()
    {
        var reports = Read(Everything, ["BUG: KASAN: a", .. Enumerable.Repeat(new string('x', 4_000), 150)]);
        Assert.Equal(KernelReportReader.MaxLines, Assert.Single(reports).Lines.Count);
        Assert.All(reports[0].Lines, line => Assert.InRange(line.Length, 1, KernelReportReader.MaxLineChars));
    }

    [Fact]
    public void Pending_IsToldUntilSilence()
    {
        var reader = new KernelReportReader(new KernelReportOptions());
        Assert.Null(reader.Pending);
        reader.Line("[    1.0] BUG: scheduling while atomic: a");
        Assert.Equal("BUG: scheduling while atomic: a", reader.Pending);
        Assert.False(reader.TryTake(out _));
        reader.Quiet();
        Assert.Null(reader.Pending);
        Assert.True(reader.TryTake(out var report));
        Assert.Equal("bug", report.Name);
        reader.Quiet();
        Assert.False(reader.TryTake(out _));
    }

    [Fact]
    public void Options_SwitchKindsOff()
    {
        var options = new KernelReportOptions { Names = new HashSet<string> { KernelReportTable.Oom } };
        Assert.Equal(["oom"], Read(options, "Kernel panic - not syncing: a", "Out of memory: Killed process 1 (a)").Select(report => report.Name));
    }

    [Fact]
    public void ExtraPattern_IsAReport_ButNeverBeforeTheKernels()
    {
        var options = new KernelReportOptions { Extra = [("mine", line => line.Contains("panic", StringComparison.Ordinal) || line.StartsWith("mydrv: bad"))] };
        var reports = Read(options, "[    1.0] mydrv: bad state", "more", "Kernel panic - not syncing: a");
        Assert.Equal(["mine 2", "panic 1"], reports.Select(report => $"{report.Name} {report.Lines.Count}"));
    }

    [Fact]
    public void ReportsThatNobodyTakes_AreBounded()
    {
        var reader = new KernelReportReader(Everything);
        for (var number = 0; number < 1_000; number++)
        {
            reader.Line("kmemleak: 1 new suspected memory leaks");
        }

        var taken = 0;
        for (; reader.TryTake(out _); taken++)
        {
        }

        Assert.Equal((KernelReportReader.MaxReports, 1_000 - KernelReportReader.MaxReports), (taken, reader.Dropped));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void DamagedConsoles_ThrowNothing_AndStayBounded(int seed)
    {
        var random = new Random(seed);
        var all = Directory.EnumerateFiles(CorpusFiles.Folder, "*.log").Order(StringComparer.Ordinal).SelectMany(File.ReadAllLines).ToArray();
        var reader = new KernelReportReader(Everything);
        for (var round = 0; round < 40_000; round++)
        {
            var line = all[random.Next(all.Length)];
            var at = random.Next(line.Length + 1);
            reader.Line(random.Next(4) switch { 0 => line[at..], 1 => line[..at], 2 => all[random.Next(all.Length)] + line, _ => line });
            if (random.Next(50) == 0)
            {
                reader.Quiet();
            }

            while (reader.TryTake(out var report))
            {
                Assert.True(report.Lines.Count is > 0 and <= KernelReportReader.MaxLines && report.Title.Length > 0, $"seed {seed}, round {round}");
            }
        }
    }

    private static List<KernelReport> Read(KernelReportOptions options, params IEnumerable<string> lines)
    {
        var reader = new KernelReportReader(options);
        var reports = new List<KernelReport>();
        foreach (var line in lines)
        {
            reader.Line(line);
            while (reader.TryTake(out var report))
            {
                reports.Add(report);
            }
        }

        reader.Quiet();
        while (reader.TryTake(out var report))
        {
            reports.Add(report);
        }

        return reports;
    }
}
