using HvRunner.Fakes;
using HvRunner.Kvm.Tests.Live;
using HvRunner.Machine.Verdicts;
using Xunit.Abstractions;

namespace HvRunner.Kvm.Tests.Machines;

/// <summary>Everything that may be called from any thread, from several at once: the machine keeps going, and then ends.</summary>
[Collection(KvmDevice.Name)]
public class MachineStressTests(ITestOutputHelper output)
{
    private const int Seed = 20260808;
    private const int Callers = 3;
    private const int CallsOfEach = 700;

    [Theory]
    [OnSoft]
    [OnKvm]
    public void Callers_OfEverythingAtOnceLeaveAMachineThatRuns(Backend backend)
    {
        output.WriteLine($"seed {Seed}");
        using var rig = new MachineRig(backend, TinyKernel.Build([.. TinyCode.Say, .. TinyCode.SpinOut], TinyCode.SayAndReturn), vcpus: backend.IsKvm() ? 2 : 1);
        rig.StartAndHear();
        var callers = Enumerable.Range(0, Callers).Select(number => new Thread(() =>
        {
            var random = new Random(Seed + number);
            for (var i = 0; i < CallsOfEach; i++)
            {
                Call(rig, random);
            }
        })).ToList();
        callers.ForEach(caller => caller.Start());
        Assert.All(callers, caller => Assert.True(caller.Join(MachineRig.Limit), "a caller hangs"));
        Assert.Null(rig.Machine.Verdict);

        // Whatever was left behind, it pauses, runs, and takes one more NMI.
        rig.Machine.Resume();
        Assert.True(rig.Machine.Pause());
        var bytes = rig.Console.Bytes;
        var before = rig.Machine.Progress().Total;
        rig.Machine.InjectNmi(0);
        Assert.Equal(before, rig.Machine.Progress().Total);
        rig.Machine.Resume();
        rig.Console.AwaitBytes(bytes + 1);
        Assert.True(SpinWait.SpinUntil(() => rig.Machine.Progress().Total.Exits > before.Exits + 100, MachineRig.Limit), "the guest does not go on");
    }

    [Theory]
    [OnSoft]
    [OnKvm]
    public void End_AmongOtherCallsIsTheEnd(Backend backend)
    {
        output.WriteLine($"seed {Seed}");
        var random = new Random(Seed);
        for (var round = 0; round < 20; round++)
        {
            using var rig = new MachineRig(backend, TinyKernel.Build([.. TinyCode.Say, .. TinyCode.SpinOut], TinyCode.SayAndReturn));
            using var together = new Barrier(2);
            rig.StartAndHear();
            var other = new Thread(() =>
            {
                var calls = new Random(Seed + round);
                together.SignalAndWait();
                while (rig.Machine.Verdict is null)
                {
                    Call(rig, calls);
                }

                Call(rig, calls);
            });
            other.Start();
            together.SignalAndWait();
            Thread.SpinWait(random.Next(200_000));
            rig.Machine.End(new Verdict(VerdictKind.Interrupted, "the end"), postMortem: round % 2 == 0);
            var outcome = rig.End();
            Assert.Equal((VerdictKind.Interrupted, "the end"), (outcome.Verdict.Kind, outcome.Verdict.Sentence));
            Assert.Equal(round % 2 == 0, outcome.PostMortem is not null);
            Assert.True(other.Join(MachineRig.Limit), "the other caller hangs");
        }
    }

    private static void Call(MachineRig rig, Random random)
    {
        switch (random.Next(6))
        {
            case 0:
                rig.Machine.Pause();
                break;
            case 1 or 2:
                rig.Machine.Resume();
                break;
            case 3:
                rig.Machine.InjectNmi(0);
                break;
            case 4:
                rig.Machine.InputReady();
                break;
            default:
                rig.Machine.Progress();
                Thread.SpinWait(random.Next(5_000));
                break;
        }
    }
}
