using Xunit;
using Xunit.Abstractions;

namespace HvRunner.Testing.Xunit;

/// <summary>
/// A class of tests that boot kernels: what a machine's console says goes to the output of its test line by line, and behind it how the machine ended, with a
/// post-mortem where it ended badly or something that was expected of it did not come. Machines are disposed after their test.
/// </summary>
/// <param name="output">The test's output, as xunit gives it to the class.</param>
/// <example>
/// <code>
/// public class BootTests(ITestOutputHelper output) : VmTest(output)
/// {
///     [Fact]
///     public async Task Kernel_ReachesItsShell()
///     {
///         var vm = await StartAsync(new TestMachineOptions { Kernel = "vmlinux", Initrd = "initramfs.cpio" });
///         await vm.ExpectAsync("# ");
///         await vm.SendAsync("poweroff -f\n");
///         Assert.Equal(VerdictKind.PowerOff, (await vm.WaitForEndAsync()).Kind);
///     }
/// }
/// </code>
/// </example>
public abstract class VmTest(ITestOutputHelper output) : IAsyncLifetime
{
    private readonly Lock _gate = new();
    private readonly List<(TestMachine Machine, string Prefix)> _machines = [];
    private readonly TestOutput _output = Attached(output);
    private int _started;
    private bool _isOver;

    /// <summary>Boots a machine for this test, as <see cref="TestMachine.StartAsync"/> does. The second machine's lines begin with "2| ", and so on. Any thread.</summary>
    /// <param name="options">What to boot. Its <see cref="TestMachineOptions.ConsoleLine"/> is told of lines as well.</param>
    /// <param name="cancellation">Keeps the machine from being built.</param>
    protected async Task<TestMachine> StartAsync(TestMachineOptions options, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        var number = Interlocked.Increment(ref _started);
        var prefix = number == 1 ? string.Empty : $"{number}| ";
        var machine = await TestMachine.StartAsync(options with { ConsoleLine = LineTo(options.ConsoleLine, prefix) }, cancellation).ConfigureAwait(false);
        lock (_gate)
        {
            if (!_isOver)
            {
                _machines.Add((machine, prefix));
                return machine;
            }
        }

        await machine.DisposeAsync().ConfigureAwait(false);
        throw new ObjectDisposedException(GetType().Name, "the test is over");
    }

    /// <summary>Called by xunit before the test.</summary>
    public virtual Task InitializeAsync() => Task.CompletedTask;

    /// <summary>Called by xunit after the test: disposes its machines, and writes how each ended.</summary>
    public virtual async Task DisposeAsync()
    {
        lock (_gate)
        {
            _isOver = true;
        }

        await Task.WhenAll(_machines.Select(one => one.Machine.DisposeAsync().AsTask())).ConfigureAwait(false);
        foreach (var (machine, prefix) in _machines)
        {
            _output.WriteEnd(machine, prefix);
        }
    }

    private static TestOutput Attached(ITestOutputHelper output)
    {
        ArgumentNullException.ThrowIfNull(output);
        var attached = new TestOutput();
        attached.Attach(output);
        return attached;
    }

    private Action<string> LineTo(Action<string>? listener, string prefix) => line =>
    {
        _output.Write(prefix + line);
        listener?.Invoke(line);
    };
}
