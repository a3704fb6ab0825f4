// From a device's thread to the guest's handler: sends bytes to the serial port of the guest latency, which is halted then, and takes the time until the first
// instructions of its handler have reached the debug console. One machine a round and irqchip mode, in turn. Prints for each: the mode, median and 99th percentile in ns.
using System.Diagnostics;
using System.Globalization;
using HvRunner.Abstractions;
using HvRunner.Boot;
using HvRunner.Boot.Pvh;
using HvRunner.Chipset.Serial;
using HvRunner.Host;
using HvRunner.Machine;
using HvRunner.Machine.Verdicts;

namespace HvRunner.Bench;

internal static class HandlerLatency
{
    private const int Rounds = 9;
    private const int BytesARound = 200;

    // Long enough for a vCPU that has said that it is about to halt to have done so.
    private static readonly TimeSpan UntilHalted = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    internal static void Measure(string kernelPath, string hypervisor, IReadOnlyList<IrqchipMode> modes)
    {
        for (var round = -1; round < Rounds; round++)
        {
            foreach (var mode in modes)
            {
                var latency = LatencyNs(kernelPath, hypervisor, mode);
                if (round >= 0)
                {
                    Array.Sort(latency);
                    var name = mode.ToString().ToLowerInvariant();
                    Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name} {latency[BytesARound / 2]} {latency[BytesARound * 99 / 100]}"));
                }
            }
        }
    }

    private static long[] LatencyNs(string kernelPath, string hypervisorName, IrqchipMode mode)
    {
        using var source = new FileImageSource(kernelPath);
        using var hypervisor = Hypervisors.Open(hypervisorName);
        using var timers = new TimerFdQueue();
        using var debug = new Signs();
        var input = new ConsoleInputBuffer();
        using var machine = MachineBuilder.Build(hypervisor, new MachineConfig
        {
            MemoryBytes = 32 << 20,
            Irqchip = mode,
            Kernel = PvhKernel.Parse(source),
            CommandLine = $"kind=device count={BytesARound}",
            ConsoleOutput = new Silence(),
            ConsoleInput = input,
            DebugOutput = debug,
            Timers = timers,
            Timeout = Limit,
        });
        RunOutcome? outcome = null;
        var run = new Thread(() => outcome = machine.Run());
        run.Start();
        var latency = new long[BytesARound];
        for (var i = 0; i < BytesARound; i++)
        {
            debug.AwaitPrompt();
            debug.AwaitQuiet(UntilHalted);
            var start = Stopwatch.GetTimestamp();
            input.Write([1]);
            machine.InputReady();
            latency[i] = debug.AwaitHandler() - start;
        }

        run.Join();
        return outcome!.Verdict.Kind == VerdictKind.PowerOff ? latency : throw new InvalidOperationException($"the guest ended as {outcome.Verdict.Name}");
    }

    /// <summary>What the guest says, and when: it waits for a byte, it has one.</summary>
    private sealed class Signs : ISerialOutput, IDisposable
    {
        private readonly SemaphoreSlim _waits = new(0);
        private readonly SemaphoreSlim _handled = new(0);
        private long _handledAt;

        public void Write(ReadOnlySpan<byte> data)
        {
            var now = Stopwatch.GetTimestamp();
            if (data[^1] == '!')
            {
                _handledAt = now;
                _handled.Release();
            }
            else
            {
                _waits.Release();
            }
        }

        public void Dispose()
        {
            _waits.Dispose();
            _handled.Dispose();
        }

        internal void AwaitPrompt() => Require(_waits.Wait(Limit), "to wait for a byte");

        /// <summary>Nothing is handled for so long.</summary>
        internal void AwaitQuiet(TimeSpan time) => Require(!_handled.Wait(time), "to be halted");

        /// <summary>When it began to handle the byte.</summary>
        internal long AwaitHandler()
        {
            Require(_handled.Wait(Limit), "to handle the byte");
            return _handledAt;
        }

        private static void Require(bool condition, string expected)
        {
            if (!condition)
            {
                throw new InvalidOperationException($"the guest was expected {expected}");
            }
        }
    }
}
