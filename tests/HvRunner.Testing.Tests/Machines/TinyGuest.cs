using HvRunner.Fakes;

namespace HvRunner.Testing.Tests.Machines;

/// <summary>Machines on the soft processor that boot kernels of a few instructions.</summary>
internal static class TinyGuest
{
    /// <summary>No test waits longer than this for what must come.</summary>
    internal static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    /// <summary>Boots this code. Nothing is left of the kernel's file.</summary>
    internal static async Task<TestMachine> StartAsync(byte[] code, Func<TestMachineOptions, TestMachineOptions>? change = null, byte[]? onNmi = null)
    {
        var file = Path.GetTempFileName();
        try
        {
            await File.WriteAllBytesAsync(file, TinyKernel.Build(code, onNmi));
            var options = new TestMachineOptions { Kernel = file, Hypervisor = "soft", Memory = "16M", Timeout = Limit };
            return await TestMachine.StartAsync(change?.Invoke(options) ?? options);
        }
        finally
        {
            File.Delete(file);
        }
    }

    /// <summary>What fails with the message that a test is shown.</summary>
    internal static async Task<string> FailureOf(Task awaited) => (await Assert.ThrowsAsync<ExpectationException>(() => awaited)).Message;
}
