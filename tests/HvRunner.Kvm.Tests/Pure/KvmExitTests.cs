using HvRunner.Abstractions;
using HvRunner.Kvm.Interop;
using static HvRunner.Kvm.Interop.KvmConstants;

namespace HvRunner.Kvm.Tests.Pure;

/// <summary>Reading the shared page after KVM_RUN, for every exit there is, also those that this host never produces.</summary>
public class KvmExitTests
{
    /// <summary>Behind the last exit reason that any header names, with room.</summary>
    private const uint LastReason = 64;

    private static readonly uint[] AnsweredInTheLoop = [KVM_EXIT_IO, KVM_EXIT_MMIO];

    private static readonly uint[] Resumed = [KVM_EXIT_INTR, KVM_EXIT_SET_TPR, KVM_EXIT_X86_BUS_LOCK];

    [Fact]
    public void EveryReason_GivesAnActionOrASentence()
    {
        for (uint reason = 0; reason <= LastReason; reason++)
        {
            var run = new kvm_run { exit_reason = reason };
            var action = KvmExit.Classify(run, IrqchipMode.Kernel, out var end);
            if (Resumed.Contains(reason))
            {
                Assert.Equal(ExitAction.Resume, action);
            }
            else if (action == ExitAction.End && reason != KVM_EXIT_SHUTDOWN)
            {
                AssertSentence(end, $"exit reason {reason}");
            }

            Assert.True(action != ExitAction.Resume || Resumed.Contains(reason), $"exit reason {reason} is dropped");
        }
    }

    [Theory]
    [InlineData(uint.MaxValue)]
    [InlineData(0x80000000)]
    public void WildReason_Fails(uint reason)
    {
        Assert.Equal(ExitAction.End, KvmExit.Classify(new kvm_run { exit_reason = reason }, IrqchipMode.Kernel, out var end));
        Assert.Equal(VcpuExitKind.Failed, end.Kind);
        Assert.Contains(reason.ToString(), end.Sentence, StringComparison.Ordinal);
    }

    [Fact]
    public void IoAndMmio_NeverComeHere()
    {
        foreach (var reason in AnsweredInTheLoop)
        {
            Assert.Equal(ExitAction.End, KvmExit.Classify(new kvm_run { exit_reason = reason }, IrqchipMode.Kernel, out var end));
            AssertSentence(end, $"exit reason {reason}");
        }
    }

    [Theory]
    [InlineData(KVM_EXIT_X86_RDMSR, (int)ExitAction.MsrRead)]
    [InlineData(KVM_EXIT_X86_WRMSR, (int)ExitAction.MsrWrite)]
    [InlineData(KVM_EXIT_HYPERCALL, (int)ExitAction.Hypercall)]
    [InlineData(KVM_EXIT_IRQ_WINDOW_OPEN, (int)ExitAction.InterruptWindow)]
    public void PassedOn_GoesToTheHandler(uint reason, int action) =>
        Assert.Equal((ExitAction)action, KvmExit.Classify(new kvm_run { exit_reason = reason }, IrqchipMode.Kernel, out _));

    [Theory]
    [InlineData(KVM_EXIT_HLT, IrqchipMode.Kernel, (int)ExitAction.End)]
    [InlineData(KVM_EXIT_HLT, IrqchipMode.Split, (int)ExitAction.End)]
    [InlineData(KVM_EXIT_HLT, IrqchipMode.User, (int)ExitAction.Halt)]
    [InlineData(KVM_EXIT_IOAPIC_EOI, IrqchipMode.Kernel, (int)ExitAction.End)]
    [InlineData(KVM_EXIT_IOAPIC_EOI, IrqchipMode.Split, (int)ExitAction.EndOfInterrupt)]
    [InlineData(KVM_EXIT_IOAPIC_EOI, IrqchipMode.User, (int)ExitAction.End)]
    public void InterruptController_IsToldOnlyWhereItIsTheMachines(uint reason, IrqchipMode irqchip, int action) =>
        Assert.Equal((ExitAction)action, KvmExit.Classify(new kvm_run { exit_reason = reason }, irqchip, out _));

    [Fact]
    public void Shutdown_IsATripleFault()
    {
        Assert.Equal(ExitAction.End, KvmExit.Classify(new kvm_run { exit_reason = KVM_EXIT_SHUTDOWN }, IrqchipMode.Kernel, out var end));
        Assert.Equal(VcpuExitKind.Shutdown, end.Kind);
    }

    [Fact]
    public void EverySuberror_IsCompletedOrGivesASentence()
    {
        for (uint suberror = 0; suberror <= 16; suberror++)
        {
            var run = new kvm_run { exit_reason = KVM_EXIT_INTERNAL_ERROR, internal_suberror = suberror, internal_ndata = 2 };
            run.internal_data[0] = 0xabcd;
            var action = KvmExit.Classify(run, IrqchipMode.Kernel, out var end);
            if (suberror == KVM_INTERNAL_ERROR_EMULATION)
            {
                Assert.Equal(ExitAction.CompleteInstruction, action);
                continue;
            }

            Assert.Equal(ExitAction.End, action);
            Assert.Equal(VcpuExitKind.Failed, end.Kind);
            Assert.Contains($"internal error {suberror}", end.Sentence, StringComparison.Ordinal);
            Assert.True(suberror == KVM_INTERNAL_ERROR_SIMUL_EX || end.Sentence!.Contains("0xabcd", StringComparison.Ordinal), end.Sentence);
        }
    }

    [Fact]
    public void WildDataCount_StaysWithinThePage()
    {
        var run = new kvm_run { exit_reason = KVM_EXIT_INTERNAL_ERROR, internal_suberror = KVM_INTERNAL_ERROR_DELIVERY_EV, internal_ndata = uint.MaxValue };
        KvmExit.Classify(run, IrqchipMode.Kernel, out var end);
        Assert.Equal(16, end.Sentence!.Split("0x").Length - 1);
    }

    [Theory]
    [InlineData(KVM_SYSTEM_EVENT_SHUTDOWN, VcpuExitKind.PowerOff)]
    [InlineData(KVM_SYSTEM_EVENT_RESET, VcpuExitKind.Reset)]
    [InlineData(KVM_SYSTEM_EVENT_CRASH, VcpuExitKind.Crash)]
    [InlineData(0u, VcpuExitKind.Failed)]
    [InlineData(4u, VcpuExitKind.Failed)]
    [InlineData(uint.MaxValue, VcpuExitKind.Failed)]
    public void SystemEvent_EndsTheMachine(uint type, VcpuExitKind kind)
    {
        var run = new kvm_run { exit_reason = KVM_EXIT_SYSTEM_EVENT, system_event_type = type };
        Assert.Equal(ExitAction.End, KvmExit.Classify(run, IrqchipMode.Kernel, out var end));
        Assert.Equal(kind, end.Kind);
        Assert.False(string.IsNullOrWhiteSpace(end.Sentence));
    }

    [Fact]
    public void Sentences_NameTheNumbersOfTheExit()
    {
        Assert.Contains("0x1234", Sentence(new kvm_run { exit_reason = KVM_EXIT_UNKNOWN, hw_hardware_exit_reason = 0x1234 }), StringComparison.Ordinal);
        Assert.Contains("0x80000021", Sentence(new kvm_run { exit_reason = KVM_EXIT_FAIL_ENTRY, fail_entry_hardware_entry_failure_reason = 0x80000021 }), StringComparison.Ordinal);
        Assert.Contains("0xfff0", Sentence(new kvm_run { exit_reason = KVM_EXIT_DEBUG, debug_arch_pc = 0xfff0 }), StringComparison.Ordinal);
        Assert.Contains("0x31", Sentence(new kvm_run { exit_reason = KVM_EXIT_IOAPIC_EOI, eoi_vector = 0x31 }), StringComparison.Ordinal);
        Assert.Contains("13", Sentence(new kvm_run { exit_reason = KVM_EXIT_EXCEPTION, ex_exception = 13 }), StringComparison.Ordinal);
    }

    /// <summary>The page as KVM fills it when its emulator refuses POPCNT: flag 1, 15 bytes, whatever follows the instruction included.</summary>
    [Fact]
    public void RefusedBytes_AreThoseOfThePage()
    {
        var run = new kvm_run { exit_reason = KVM_EXIT_INTERNAL_ERROR, internal_suberror = KVM_INTERNAL_ERROR_EMULATION, internal_ndata = 3 };
        run.emulation_failure_flags = KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES;
        run.emulation_failure_insn_size = 15;
        byte[] bytes = [0xf3, 0x0f, 0xb8, 0xc3, 0xf4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        for (var i = 0; i < bytes.Length; i++)
        {
            run.emulation_failure_insn_bytes[i] = bytes[i];
        }

        Assert.Equal(bytes, KvmExit.RefusedBytes(run).ToArray());
    }

    [Theory]
    [InlineData(0u, 1ul, 15, 0)]
    [InlineData(3u, 0ul, 15, 0)]
    [InlineData(3u, 1ul, 2, 2)]
    [InlineData(3u, 1ul, 0, 0)]
    [InlineData(3u, 1ul, 255, 15)]
    [InlineData(uint.MaxValue, ulong.MaxValue, 16, 15)]
    public void RefusedBytes_AreNeverMoreThanThereAre(uint words, ulong flags, byte size, int expected)
    {
        var run = new kvm_run { internal_ndata = words, emulation_failure_flags = flags, emulation_failure_insn_size = size };
        Assert.Equal(expected, KvmExit.RefusedBytes(run).Length);
    }

    private static string Sentence(in kvm_run run)
    {
        KvmExit.Classify(run, IrqchipMode.Kernel, out var end);
        AssertSentence(end, $"exit reason {run.exit_reason}");
        return end.Sentence!;
    }

    private static void AssertSentence(VcpuExit end, string what)
    {
        Assert.Equal(VcpuExitKind.Failed, end.Kind);
        Assert.False(string.IsNullOrWhiteSpace(end.Sentence), $"{what} ends without a sentence");
    }
}
