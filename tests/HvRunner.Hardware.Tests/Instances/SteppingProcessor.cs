using System.Runtime.InteropServices;
using HvRunner.Abstractions;
using HvRunner.Hardware.Tests.Guest;
using HvRunner.Instructions;

namespace HvRunner.Hardware.Tests.Instances;

/// <summary><see cref="InstructionExecutor{TMemory, THost}.Step"/> behind the interface.</summary>
internal sealed class SteppingProcessor : IProcessorUnderTest
{
    private const int MaximumSteps = 4096;

    private readonly InstructionExecutor<RamMemory, UserHost> _executor = new(ExecutorOptions.FeatureGating);
    private readonly ProcessorState _state = new();
    private RamMemory _memory;
    private UserHost _host;

    public SteppingProcessor(bool hasTopPage = true)
    {
        Ram = GuestSetup.Ram(hasTopPage);
        _memory = new RamMemory(Ram);
        GuestSetup.Registers(_state);
    }

    public string Name => "step";

    public byte[] Ram { get; }

    public void Begin()
    {
        // Nothing is kept from one instruction to the next.
    }

    public string Run(int index, Instance instance)
    {
        var block = BatchGenerator.Block(Ram, index);
        ref readonly var input = ref MemoryMarshal.AsRef<ProcessorImage>(block);
        ref var output = ref MemoryMarshal.AsRef<ProcessorImage>(block[GuestLayout.OutputOffset..]);
        foreach (var name in new[] { SegmentName.Ds, SegmentName.Es, SegmentName.Fs, SegmentName.Gs })
        {
            _state[name] = SegmentRegister.Null;
        }

        _state.General = input.General;
        _state.Rflags = input.Rflags;
        _state.Rip = input.Rip;
        _state[SegmentName.Fs].Base = input.FsBase;
        _state[SegmentName.Gs].Base = input.GsBase;
        _state.Extended.Xcr0 = UserHost.Xcr0;
        _state.Extended.Image.Clear();
        ((ReadOnlySpan<byte>)input.Fx)[..416].CopyTo(_state.Extended.Image);
        _state.Extended.Image[ExtendedState.XstateBvOffset] = 3;
        Execute(instance.Landing, ref output);
        output.General = _state.General;
        output.Rflags = _state.Rflags;
        output.Rip = _state.Rip;
        output.FsBase = _state[SegmentName.Fs].Base;
        output.GsBase = _state[SegmentName.Gs].Base;
        _state.Extended.Image[..416].CopyTo(output.Fx);
        return "";
    }

    private void Execute(ulong landing, ref ProcessorImage output)
    {
        for (var steps = 0; steps < MaximumSteps; steps++)
        {
            var completion = _executor.Step(_state, ref _memory, ref _host);
            if (completion.Kind == CompletionKind.Completed)
            {
                if (_state.Rip == landing)
                {
                    output.Vector = ProcessorImage.NoException;
                    return;
                }

                continue;
            }

            output.Vector = completion.Kind == CompletionKind.Fault ? completion.Vector : ProcessorImage.Unsupported;
            output.ErrorCode = completion.HasErrorCode ? completion.ErrorCode : 0;
            output.Cr2 = completion.Cr2;
            return;
        }

        output.Vector = ProcessorImage.Endless;
    }
}
