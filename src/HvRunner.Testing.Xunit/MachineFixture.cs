using Xunit;
using Xunit.Abstractions;

namespace HvRunner.Testing.Xunit;

/// <summary>
/// One machine for all tests of a class, which xunit runs one after another: it boots before the first and is disposed behind the last. Each test attaches its output
/// and finds there what the console has said since the test before, its end included.
/// </summary>
/// <example>
/// <code>
/// public sealed class Booted : MachineFixture
/// {
///     protected override TestMachineOptions Options => new() { Kernel = "vmlinux", Initrd = "initramfs.cpio" };
///
///     public override async Task InitializeAsync()
///     {
///         await base.InitializeAsync();
///         await Machine.ExpectAsync("# ");
///     }
/// }
///
/// public class ShellTests : IClassFixture&lt;Booted&gt;
/// {
///     private readonly TestMachine _vm;
///
///     public ShellTests(Booted booted, ITestOutputHelper output) => _vm = booted.Attach(output);
///
///     [Fact]
///     public async Task Uname_SaysLinux()
///     {
///         await _vm.SendAsync("uname\n");
///         await _vm.ExpectAsync("Linux\n");
///     }
/// }
/// </code>
/// </example>
public abstract class MachineFixture : IAsyncLifetime
{
    private readonly TestOutput _output = new();
    private TestMachine? _machine;
    private bool _isEndTold;

    /// <summary>The machine. Throws <see cref="InvalidOperationException"/> before <see cref="InitializeAsync"/>.</summary>
    public TestMachine Machine => _machine ?? throw new InvalidOperationException("the machine was not started");

    /// <summary>What to boot. Read once.</summary>
    protected abstract TestMachineOptions Options { get; }

    /// <summary>Sends what the console says to a test's output from now on, and what it has said since the last test. To be called by each test's constructor.</summary>
    /// <param name="output">The test's output, as xunit gives it to the class.</param>
    /// <returns>The machine.</returns>
    public TestMachine Attach(ITestOutputHelper output)
    {
        ArgumentNullException.ThrowIfNull(output);
        var machine = Machine;
        _output.Attach(output);
        if (machine.Verdict is not null && !_isEndTold)
        {
            _isEndTold = true;
            _output.WriteEnd(machine, string.Empty);
        }

        return machine;
    }

    /// <summary>Called by xunit before the first test: boots the machine. What else has to be done until tests may run goes into an override, behind this.</summary>
    public virtual async Task InitializeAsync()
    {
        var options = Options;
        var listener = options.ConsoleLine;
        _machine = await TestMachine.StartAsync(options with
        {
            ConsoleLine = line =>
            {
                _output.Write(line);
                listener?.Invoke(line);
            },
        }).ConfigureAwait(false);
    }

    /// <summary>Called by xunit behind the last test: disposes the machine.</summary>
    public virtual async Task DisposeAsync()
    {
        if (_machine is not null)
        {
            await _machine.DisposeAsync().ConfigureAwait(false);
        }
    }
}
