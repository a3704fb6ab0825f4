using HvRunner.Abstractions;

namespace HvRunner.Instructions;

/// <content>What a processor holds besides its architectural registers.</content>
public sealed partial class Processor
{
    private readonly IGuestMemory _ram;
    private readonly IProcessorEnvironment _environment;
    private readonly InstructionExecutor<ProcessorMemory, ProcessorHost> _executor = new(ExecutorOptions.DebugChecks | ExecutorOptions.FeatureGating);
    private long _retired;
    private bool _shadow;
    private bool _leaveSoon;
    private bool _nonMaskableBlocked;
}
