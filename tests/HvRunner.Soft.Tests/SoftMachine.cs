using HvRunner.Abstractions;

namespace HvRunner.Soft.Tests;

/// <summary>Several vCPUs on the soft processor: the first runs flat 32-bit code as <see cref="SoftGuest"/> has it, the others wait for a SIPI and begin in real mode.</summary>
internal sealed class SoftMachine : IDisposable
{
    /// <summary>Where a SIPI with vector 8 leads.</summary>
    internal const uint Start = 0x8000;

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    private readonly SoftGuest _guest;

    internal SoftMachine(int vcpus, byte[] code, byte[] started, VirtualClock? clock = null)
    {
        _guest = new SoftGuest(code, clock, vcpus);
        _guest.Put(Start, started);
        Controllers = [.. Enumerable.Range(0, vcpus).Select(_ => new Controller())];
    }

    internal IReadOnlyList<IVcpu> Vcpus => _guest.Partition.Vcpus;

    internal IReadOnlyList<Controller> Controllers { get; }

    internal uint Read32(uint address)
    {
        Span<byte> bytes = stackalloc byte[4];
        Assert.True(_guest.Memory.TryRead(new GuestAddress(address), bytes));
        return BitConverter.ToUInt32(bytes);
    }

    /// <summary>A vCPU has returned; on its thread.</summary>
    internal Action<VcpuExit> OnExit { get; set; } = _ => { };

    /// <summary>Runs all vCPUs, each on its thread, until all have returned.</summary>
    internal IReadOnlyList<VcpuExit> Run(Action? meanwhile = null)
    {
        var exits = new VcpuExit[Vcpus.Count];
        var thrown = new Exception?[Vcpus.Count];
        var threads = Vcpus.Select(vcpu => new Thread(() =>
        {
            try
            {
                exits[vcpu.Index] = vcpu.Run(Controllers[vcpu.Index]);
                OnExit(exits[vcpu.Index]);
            }
            catch (Exception exception)
            {
                thrown[vcpu.Index] = exception;
            }
        })).ToList();
        threads.ForEach(thread => thread.Start());
        meanwhile?.Invoke();
        var until = Environment.TickCount64 + (long)Limit.TotalMilliseconds;
        var all = threads.TrueForAll(thread => thread.Join((int)Math.Max(1, until - Environment.TickCount64)));
        StopAll();
        threads.ForEach(thread => Assert.True(thread.Join(TimeSpan.FromSeconds(5)), "a vCPU could not be stopped"));
        Assert.All(thrown, Assert.Null);
        Assert.True(all, "the guest did not end");
        return exits;
    }

    internal void StopAll()
    {
        foreach (var vcpu in Vcpus)
        {
            vcpu.RequestStop();
        }
    }

    internal ProcessorState StateOf(int vcpu)
    {
        var state = new ProcessorState();
        Vcpus[vcpu].GetState(state, StateParts.General | StateParts.System);
        return state;
    }

    public void Dispose() => _guest.Dispose();
}
