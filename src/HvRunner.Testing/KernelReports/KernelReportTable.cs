using System.Collections.Frozen;

namespace HvRunner.Testing.KernelReports;

/// <summary>Where a report's text ends, besides its greatest length and silence.</summary>
internal enum KernelReportEnd
{
    /// <summary>A few lines behind the stack trace, or at the mark that ends an oops.</summary>
    Trace,

    /// <summary>At the line of equals signs that closes it.</summary>
    Ruler,

    /// <summary>At the mark that ends a panic.</summary>
    Panic,

    /// <summary>With the line itself.</summary>
    Line,
}

/// <summary>One text by which a report is recognized.</summary>
/// <param name="Name">What kind of report.</param>
/// <param name="Start">What the line begins with, behind the log's prefixes.</param>
/// <param name="Contains">What must follow, in any place; else null.</param>
/// <param name="End">Where the report ends.</param>
internal readonly record struct KernelReportText(string Name, string Start, string? Contains = null, KernelReportEnd End = KernelReportEnd.Trace);

/// <summary>
/// The texts by which Linux begins its reports, with the file of the kernel's that prints each: those of 6.1, and what older and newer kernels
/// print instead. Data only; the order counts, the first that fits wins.
/// </summary>
internal static class KernelReportTable
{
    internal const string Panic = "panic";
    internal const string Oops = "oops";
    internal const string Warning = "warning";
    internal const string Bug = "bug";
    internal const string HungTask = "hung-task";
    internal const string RcuStall = "rcu-stall";
    internal const string SoftLockup = "soft-lockup";
    internal const string HardLockup = "hard-lockup";
    internal const string Lockdep = "lockdep";
    internal const string Oom = "oom";
    internal const string WorkqueueStall = "workqueue-stall";
    internal const string Kmemleak = "kmemleak";

    internal static readonly IReadOnlyList<KernelReportText> Texts =
    [
        new(Panic, "Kernel panic - not syncing:", End: KernelReportEnd.Panic), // kernel/panic.c

        new(SoftLockup, "watchdog: BUG: soft lockup - CPU#"), // kernel/watchdog.c
        new(SoftLockup, "NMI watchdog: BUG: soft lockup - CPU#"), // kernel/watchdog.c, older kernels
        new(SoftLockup, "BUG: soft lockup - CPU#"), // kernel/watchdog.c, where it has no prefix
        new(HardLockup, "watchdog: ", "Watchdog detected hard LOCKUP on cpu "), // kernel/watchdog.c, newer kernels, some with "CPU3: " between
        new(HardLockup, "NMI watchdog: ", "Watchdog detected hard LOCKUP on cpu "), // kernel/watchdog_hld.c
        new(WorkqueueStall, "BUG: workqueue lockup - pool"), // kernel/workqueue.c

        new(Oops, "BUG: unable to handle "), // arch/x86/mm/fault.c: "page fault for address"; "kernel paging request" and "kernel NULL pointer dereference" in older kernels
        new(Oops, "BUG: kernel NULL pointer dereference"), // arch/x86/mm/fault.c
        new(Oops, "BUG: ", "stack guard page was hit at "), // arch/x86/kernel/traps.c
        new(Oops, "kernel BUG at "), // lib/bug.c
        new(Oops, "Kernel BUG at "), // lib/bug.c, without CONFIG_DEBUG_BUGVERBOSE
        new(Oops, "Oops: ", "[#"), // arch/x86/mm/fault.c; in newer kernels arch/x86/kernel/traps.c puts it before all that follow
        new(Oops, "general protection fault"), // arch/x86/kernel/traps.c
        new(Oops, "invalid opcode: ", "[#"), // arch/x86/kernel/traps.c
        new(Oops, "stack segment: ", "[#"), // arch/x86/kernel/traps.c
        new(Oops, "segment not present: ", "[#"), // arch/x86/kernel/traps.c
        new(Oops, "invalid TSS: ", "[#"), // arch/x86/kernel/traps.c
        new(Oops, "alignment check: ", "[#"), // arch/x86/kernel/traps.c
        new(Oops, "divide error: ", "[#"), // arch/x86/kernel/traps.c
        new(Oops, "int3: ", "[#"), // arch/x86/kernel/traps.c
        new(Oops, "double fault: "), // arch/x86/kernel/traps.c
        new(Oops, "traps: PANIC: double fault"), // arch/x86/kernel/traps.c
        new(Oops, "PANIC: double fault"), // arch/x86/kernel/doublefault.c, older kernels
        new(Oops, "Internal error: "), // arch/arm64/kernel/traps.c, arch/arm/kernel/traps.c
        new(Oops, "Unable to handle kernel "), // arch/arm64/mm/fault.c, arch/riscv/mm/fault.c

        new(Bug, "BUG: KASAN: ", End: KernelReportEnd.Ruler), // mm/kasan/report.c
        new(Bug, "BUG: KFENCE: ", End: KernelReportEnd.Ruler), // mm/kfence/report.c
        new(Bug, "BUG: KCSAN: ", End: KernelReportEnd.Ruler), // kernel/kcsan/report.c
        new(Bug, "BUG: KMSAN: ", End: KernelReportEnd.Ruler), // mm/kmsan/report.c
        new(Bug, "UBSAN: ", " in ", KernelReportEnd.Ruler), // lib/ubsan.c
        new(Bug, "BUG: sleeping function called from invalid context"), // kernel/sched/core.c
        new(Bug, "BUG: scheduling while atomic"), // kernel/sched/core.c
        new(Bug, "BUG: scheduling in a non-blocking section"), // kernel/sched/core.c
        new(Bug, "BUG: assuming "), // kernel/sched/core.c: "atomic context", "non migratable context"
        new(Bug, "BUG: using ", "in preemptible ["), // lib/smp_processor_id.c
        new(Bug, "BUG: Bad page "), // mm/page_alloc.c, "state"; mm/memory.c, "map"; mm/filemap.c, "cache"
        new(Bug, "BUG: Bad rss-counter state", End: KernelReportEnd.Line), // kernel/fork.c
        new(Bug, "BUG: non-zero pgtables_bytes", End: KernelReportEnd.Line), // kernel/fork.c
        new(Bug, "BUG: spinlock "), // kernel/locking/spinlock_debug.c
        new(Bug, "BUG: rwlock "), // kernel/locking/spinlock_debug.c
        new(Bug, "BUG: workqueue leaked "), // kernel/workqueue.c
        new(Bug, "BUG ", "): "), // mm/slub.c: "BUG kmalloc-64 (Not tainted): ..."
        new(Bug, "list_add corruption"), // lib/list_debug.c
        new(Bug, "list_add double add"), // lib/list_debug.c
        new(Bug, "list_del corruption"), // lib/list_debug.c

        new(HungTask, "INFO: task ", " blocked for more than "), // kernel/hung_task.c
        new(HungTask, "INFO: task ", " blocked in I/O wait for more than "), // kernel/hung_task.c, newer kernels

        new(RcuStall, "rcu: INFO: ", "self-detected stall on CPU"), // kernel/rcu/tree_stall.h; kernel/rcu/tree.c in older kernels
        new(RcuStall, "rcu: INFO: ", " detected stalls on "), // kernel/rcu/tree_stall.h, kernel/rcu/tasks.h
        new(RcuStall, "rcu: INFO: ", " detected expedited stalls on "), // kernel/rcu/tree_exp.h
        new(RcuStall, "rcu: rcu_", " kthread starved for "), // kernel/rcu/tree_stall.h
        new(RcuStall, "INFO: rcu_", " stall"), // as above, where there is no prefix

        new(Lockdep, "WARNING: possible circular locking dependency detected"), // kernel/locking/lockdep.c, as all that follow
        new(Lockdep, "WARNING: possible recursive locking detected"),
        new(Lockdep, "WARNING: possible irq lock inversion dependency detected"),
        new(Lockdep, "WARNING: inconsistent lock state"),
        new(Lockdep, "WARNING: bad unlock balance detected!"),
        new(Lockdep, "WARNING: bad contention detected!"),
        new(Lockdep, "WARNING: held lock freed!"),
        new(Lockdep, "WARNING: lock held when returning to user space!"),
        new(Lockdep, "WARNING: Nested lock was not taken"),
        new(Lockdep, "WARNING: chain_key collision"),
        new(Lockdep, "WARNING: suspicious RCU usage"),
        new(Lockdep, "WARNING: ", "-unsafe lock order detected"),
        new(Lockdep, "WARNING: ", " still has locks held!"),
        new(Lockdep, "[ BUG: Invalid wait context ]"),
        new(Lockdep, "INFO: trying to register non-static key."),

        new(Warning, "WARNING: CPU: ", " at "), // kernel/panic.c
        new(Warning, "WARNING: at "), // kernel/panic.c, newer kernels, as all that follow
        new(Warning, "WARNING: ", ".c:"),
        new(Warning, "WARNING: ", ".h:"),
        new(Warning, "WARNING: ", ".rs:"),

        new(Oom, "Out of memory: Kill", End: KernelReportEnd.Line), // mm/oom_kill.c: "Killed process"; "Kill process" in older kernels
        new(Oom, "Out of memory (oom_kill_allocating_task): Kill", End: KernelReportEnd.Line), // mm/oom_kill.c
        new(Oom, "Memory cgroup out of memory: Kill", End: KernelReportEnd.Line), // mm/oom_kill.c
        new(Kmemleak, "kmemleak: ", " new suspected memory leaks", KernelReportEnd.Line), // mm/kmemleak.c
    ];

    /// <summary>Kinds of which one report has several lines that could each be its first: "BUG: ..." and "Oops: ...", one for each stalled processor.</summary>
    internal static readonly FrozenSet<string> OfSeveralHeads = FrozenSet.Create(Oops, RcuStall, WorkqueueStall);

    /// <summary>All names that there are.</summary>
    internal static readonly FrozenSet<string> AllNames = Texts.Select(text => text.Name).ToFrozenSet();

    /// <summary>What is looked for unless somebody says otherwise: what a healthy kernel never prints. A warning or a killed process may be what a test is about.</summary>
    internal static readonly FrozenSet<string> DefaultNames = AllNames.Except([Warning, Oom, Kmemleak]).ToFrozenSet();
}
