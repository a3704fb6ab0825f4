using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using HvRunner.VmTests.Harness;

namespace HvRunner.VmTests;

/// <summary>
/// Linux and its user space on hvrun's own processor, which every host has, as far as scripts (tests/vm/linux) do not go: commands from a file, and
/// programs made by the test. These tests need no hypervisor and are never skipped.
/// </summary>
public sealed partial class LinuxUserSpaceTests
{
    private const string Prompt = "hvrun# ";

    [Fact]
    public async Task Shell_ExecutesWhatWasThereBeforeTheMachineInOrder()
    {
        const int Count = 200;
        using var directory = new TemporaryDirectory();
        var commands = new StringBuilder();
        for (var i = 1; i <= Count; i++)
        {
            commands.Append(CultureInfo.InvariantCulture, $"echo {i} >>/tmp/order\n");
        }

        // Into a file, because the terminal echoes what is typed ahead among the answers.
        commands.Append("cat /tmp/order; exit 3\n");
        var script = directory.File("commands", Encoding.ASCII.GetBytes(commands.ToString()));
        var result = (await HvrunProcess.RunAsync(Lean("hvrun.shell") with { Redirections = $"<{script}" })).Ended(3, "guest-status");
        Assert.Equal(
            Enumerable.Range(1, Count).Select(i => i.ToString(CultureInfo.InvariantCulture)),
            Lines(result).Where(line => line.Length > 0 && line.All(char.IsAsciiDigit)));
    }

    [Fact]
    public async Task Processes_AreKilledByTheirFaults()
    {
        (string Instructions, byte[] Code, int Signal)[] faults =
        [
            ("ud2", [0x0f, 0x0b], 4),
            ("int3", [0xcc], 5),
            ("xor edx,edx; div edx", [0x31, 0xd2, 0xf7, 0xf2], 8),
            ("hlt", [0xf4], 11),
            ("in al,dx", [0xec], 11),
            ("mov eax,[0]", [0x8b, 0x04, 0x25, 0, 0, 0, 0], 11),
            ("mov [rip],al, which is code", [0x88, 0x05, 0, 0, 0, 0], 11),
            ("call rsp, which is its stack", [0xff, 0xd4], 11),
        ];
        var commands = string.Concat(faults.Select(fault =>
            $"echo {Convert.ToBase64String(Program(fault.Code))} | base64 -d >/tmp/p; chmod +x /tmp/p; /tmp/p; echo status $?\n"));
        var result = (await SessionAsync(commands + "exit 5\n")).Ended(5, "guest-status");
        Assert.Equal(
            faults.Select(fault => (fault.Instructions, $"status {128 + fault.Signal}")),
            faults.Select(fault => fault.Instructions).Zip(Lines(result).Where(line => Status().IsMatch(line))));
    }

    /// <summary>A static ELF program of one segment, read and execute, and no stack to execute; it consists of <paramref name="code"/>.</summary>
    private static byte[] Program(byte[] code)
    {
        const ulong Base = 0x400000;
        const int HeaderSize = 64;
        const int SegmentSize = 56;
        const uint Stack = 0x6474e551;
        var start = HeaderSize + (2 * SegmentSize);
        var image = new byte[start + code.Length];
        void Half(int offset, ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(image.AsSpan(offset), value);
        void Word(int offset, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(offset), value);
        void Long(int offset, ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(image.AsSpan(offset), value);
        "\u007fELF\u0002\u0001\u0001"u8.CopyTo(image);
        Half(16, 2); // an executable
        Half(18, 62); // for x86-64
        Word(20, 1);
        Long(24, Base + (ulong)start);
        Long(32, HeaderSize);
        Half(52, HeaderSize);
        Half(54, SegmentSize);
        Half(56, 2);
        Word(HeaderSize, 1); // loaded
        Word(HeaderSize + 4, 5);
        Long(HeaderSize + 16, Base);
        Long(HeaderSize + 32, (ulong)image.Length);
        Long(HeaderSize + 40, (ulong)image.Length);
        Long(HeaderSize + 48, 0x1000);
        Word(HeaderSize + SegmentSize, Stack);
        Word(HeaderSize + SegmentSize + 4, 6);
        code.CopyTo(image, start);
        return image;
    }

    /// <summary>The lean kernel with our initramfs; words go to its command line.</summary>
    private static HvrunStart Lean(params string[] words) => new(
        ["run", "--hypervisor", "soft", "--memory", "128M", "--timeout", "120s", "--initrd", Artifacts.Initramfs, Artifacts.Linux, "--", .. words])
    {
        Limit = TimeSpan.FromSeconds(150),
    };

    private static async Task<HvrunResult> SessionAsync(string commands)
    {
        using var process = HvrunProcess.Start(Lean("hvrun.shell") with { KeepInputOpen = true });
        await process.WaitForOutputAsync(Prompt);
        await TypeAsync(process, commands);
        return await process.EndAsync();
    }

    private static async Task TypeAsync(HvrunProcess process, string text)
    {
        await process.Input.WriteAsync(Encoding.ASCII.GetBytes(text), process.Limit);
        await process.Input.FlushAsync(process.Limit);
    }

    private static string[] Lines(HvrunResult result) => result.Text.Replace("\r", string.Empty, StringComparison.Ordinal).Split('\n');

    [GeneratedRegex(@"^status [0-9]+$")]
    private static partial Regex Status();
}
