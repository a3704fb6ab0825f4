using HvRunner.Abstractions;
using HvRunner.Fakes;
using HvRunner.Machine.Bus;
using HvRunner.Machine.Diagnostics;
using HvRunner.Machine.Verdicts;

namespace HvRunner.Machine.Tests;

/// <summary>How a vCPU's run becomes a verdict, and what its exits do to the machine.</summary>
public class VcpuThreadTests
{
    private readonly RunControl _control = new(ExitMap.Raw);

    [Theory]
    [InlineData(VcpuExitKind.Shutdown, VerdictKind.TripleFault)]
    [InlineData(VcpuExitKind.PowerOff, VerdictKind.PowerOff)]
    [InlineData(VcpuExitKind.Reset, VerdictKind.Reset)]
    [InlineData(VcpuExitKind.Crash, VerdictKind.Panic)]
    [InlineData(VcpuExitKind.Failed, VerdictKind.CpuError)]
    public void Exit_IsAVerdictWithItsSentence(VcpuExitKind exit, VerdictKind verdict)
    {
        var ending = new Ending(_control);
        Run(new FakeVcpu(3) { OnRun = _ => new VcpuExit(exit, "the sentence") });
        Assert.Equal(verdict, _control.Verdict!.Kind);
        Assert.Contains("the sentence", _control.Verdict.Sentence, StringComparison.Ordinal);
        Assert.True(ending.HasEnded);
    }

    [Fact]
    public void EveryExit_IsAVerdictOrAStop()
    {
        foreach (var kind in Enum.GetValues<VcpuExitKind>())
        {
            var control = new RunControl(ExitMap.Raw);
            var ending = new Ending(control);
            var thread = new VcpuThread(new FakeVcpu { OnRun = _ => new VcpuExit(kind) }, Handler(new FakeVcpu()), new PauseGate([new FakeVcpu()], new FakeTimerQueue(), _ => { }), control);
            thread.Start();
            Assert.True(thread.Join(TimeSpan.FromSeconds(10)));
            Assert.Equal(kind != VcpuExitKind.Stopped, ending.HasEnded);
        }
    }

    [Fact]
    public void Exception_IsInternalAndSaysWhere()
    {
        var ports = new AddressSpace("port");
        ports.Map(new GuestRange(new GuestAddress(0x80), 1), new Faulty(), 1);
        Run(
            new FakeVcpu(1)
            {
                OnRun = handler =>
                {
                    handler.PortWrite(0x80, 1, [0]);
                    return default;
                },
            },
            ports);
        Assert.Equal((VerdictKind.Internal, 70), (_control.Verdict!.Kind, _control.Verdict.Status));
        Assert.Contains("vCPU 1", _control.Verdict.Sentence, StringComparison.Ordinal);
        Assert.Contains("device is broken", _control.Verdict.Sentence, StringComparison.Ordinal);
        Assert.Contains(nameof(Faulty), _control.Verdict.Sentence, StringComparison.Ordinal);
    }

    [Fact]
    public void StringAccess_IsOneAccessForEachElement()
    {
        var odd = new List<OddAccess>();
        var handler = Handler(new FakeVcpu(), new AddressSpace("port", odd.Add));
        handler.PortWrite(0x80, 1, [1, 2, 3]);
        Assert.Equal([0x80ul, 0x80ul, 0x80ul], odd.Select(access => access.Address));
        odd.Clear();
        var data = new byte[6];
        handler.PortRead(0x90, 2, data);
        Assert.All(data, value => Assert.Equal(0xff, value));
        Assert.Equal([0x90ul, 0x91ul, 0x90ul, 0x91ul, 0x90ul, 0x91ul], odd.Select(access => access.Address));
    }

    [Fact]
    public void UnknownMsrsAndHypercalls_AreRefused()
    {
        var handler = Handler(new FakeVcpu());
        Assert.False(handler.MsrRead(0x12345678, out var value));
        Assert.Equal(0ul, value);
        Assert.False(handler.MsrWrite(0x12345678, 1));
        Assert.Equal(unchecked((ulong)-1000), handler.Hypercall(9, [], longMode: true));
    }

    private void Run(FakeVcpu vcpu, AddressSpace? ports = null)
    {
        var thread = new VcpuThread(vcpu, Handler(vcpu, ports), new PauseGate([new FakeVcpu(), new FakeVcpu(1), new FakeVcpu(2), new FakeVcpu(3)], new FakeTimerQueue(), _ => { }), _control);
        thread.Start();
        Assert.True(thread.Join(TimeSpan.FromSeconds(10)));
    }

    private VcpuExitHandler Handler(FakeVcpu vcpu, AddressSpace? ports = null) => new(
        vcpu, ports ?? new AddressSpace("port"), new AddressSpace("memory"), null, null, new PauseGate([vcpu], new FakeTimerQueue(), _ => { }),
        new HaltMonitor([vcpu], null, _control, () => true), new Tracing(null), Serilog.Core.Logger.None);

    private sealed class Faulty : IBusDevice
    {
        public string Name => "faulty";

        public IoStatus Read(ulong offset, Span<byte> data) => IoStatus.Ok;

        public IoStatus Write(ulong offset, ReadOnlySpan<byte> data) => throw new InvalidOperationException("this device is broken");
    }
}
