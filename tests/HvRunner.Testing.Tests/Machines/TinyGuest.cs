using System.Text;
using HvRunner.Fakes;

namespace HvRunner.Testing.Tests.Machines;

/// <summary>Kernels of a few instructions, in 32-bit code with interrupts off, and machines on the soft processor that boot them.</summary>
internal static class TinyGuest
{
    /// <summary>No test waits longer than this for what must come.</summary>
    internal static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    /// <summary>jmp $</summary>
    internal static byte[] Spin { get; } = [0xeb, 0xfe];

    /// <summary>cli; hlt; in a loop</summary>
    internal static byte[] Halt { get; } = [0xfa, 0xf4, 0xeb, 0xfc];

    /// <summary>Sends back each byte that comes, and ends with status 0 at byte 4. It polls for them.</summary>
    internal static byte[] Echo { get; } =
    [
        0x66, 0xba, 0xfd, 0x03, // again: mov dx, com1 + 5
        0xec, 0xa8, 0x01, 0x74, 0xfb, // wait: in al, dx; test al, 1; jz wait
        0x66, 0xba, 0xf8, 0x03, 0xec, // mov dx, com1; in al, dx
        0x3c, 0x04, 0x74, 0x03, // cmp al, 4; je end
        0xee, 0xeb, 0xeb, // out dx, al; jmp again
        .. Exit(0), // end:
    ];

    /// <summary>Writes a text on the console; three bytes of code for each of its own.</summary>
    internal static byte[] Say(string text) => [0x66, 0xba, 0xf8, 0x03, .. Encoding.UTF8.GetBytes(text).SelectMany(value => (byte[])[0xb0, value, 0xee])];

    /// <summary>The same again and again.</summary>
    internal static byte[] SayForEver(char value) => [0x66, 0xba, 0xf8, 0x03, 0xb0, (byte)value, 0xee, 0xeb, 0xfd];

    /// <summary>Ends the machine with this status.</summary>
    internal static byte[] Exit(byte status) => [0xb0, status, 0xe6, 0xf4, 0xeb, 0xfe];

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
