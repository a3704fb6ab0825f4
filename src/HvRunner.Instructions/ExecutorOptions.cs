namespace HvRunner.Instructions;

/// <summary>What an <see cref="InstructionExecutor{TMemory, THost}"/> does besides executing.</summary>
[Flags]
public enum ExecutorOptions
{
    /// <summary>Instructions of every feature run, and breakpoints are someone else's: for completing instructions of a hypervisor's vCPU.</summary>
    None = 0,

    /// <summary>Breakpoints of DR0 to DR3 on instructions, data and ports are honoured; the debug registers are looked at in each step.</summary>
    DebugChecks = 1,

    /// <summary>An instruction whose CPUID feature is not advertised raises #UD.</summary>
    FeatureGating = 2,
}
