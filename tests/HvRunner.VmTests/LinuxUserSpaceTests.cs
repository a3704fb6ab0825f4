using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using HvRunner.VmTests.Harness;

namespace HvRunner.VmTests;

/// <summary>
/// Linux and its user space on hvrun's own processor, which every host has: a shell takes commands from standard input and the guest chooses the
/// status (guests/initramfs). These tests need no hypervisor and are never skipped.
/// </summary>
public sealed partial class LinuxUserSpaceTests
{
    private const string Prompt = "hvrun# ";

    [Fact]
    public async Task Init_EndsTheRun()
    {
        using var process = HvrunProcess.Start(Lean());
        await process.WaitForOutputAsync("Run /init as init process");
        var reached = process.Elapsed;
        var result = (await process.EndAsync()).Ended(0, "poweroff");
        result.Prints("Linux version 6.1.");
        result.True(InitsLine().IsMatch(result.Text), "init's own line was expected, whole");
        result.True(!result.Text.Contains("Kernel panic", StringComparison.Ordinal), "no panic was expected");
        Artifacts.Measured($"Linux on the soft hypervisor: Run /init as init process after {reached.TotalSeconds:F2} s, end after {result.Duration.TotalSeconds:F2} s");
    }

    [Fact]
    public async Task Init_EndsTheRunWithTheStatusOfTheCommandLine() =>
        (await HvrunProcess.RunAsync(Lean("hvrun.status=21"))).Ended(21, "guest-status");

    [Fact]
    public async Task Shell_AnswersAndChoosesTheStatus()
    {
        using var process = HvrunProcess.Start(Lean("hvrun.shell") with { KeepInputOpen = true });
        await process.WaitForOutputAsync(Prompt);
        Artifacts.Measured($"Linux on the soft hypervisor: prompt of its shell after {process.Elapsed.TotalSeconds:F2} s");
        await TypeAsync(process, "uname -r; echo $((6 * 7))\n");
        await process.WaitForOutputAsync("\n42\r\n" + Prompt);
        await TypeAsync(process, "cat /proc/interrupts\n");
        await process.WaitForOutputAsync("ttyS0\r\n");
        await TypeAsync(process, "exit 7\n");
        var result = (await process.EndAsync()).Ended(7, "guest-status");

        var lines = Lines(result);
        result.True(lines.Any(line => Release().IsMatch(line)), "the kernel's release was expected on a line of its own");
        result.True(lines.Any(line => SerialInterrupts().Match(line) is { Success: true } match && Number(match) > 0), "interrupts of the serial port were expected");

        // The tick comes from the PIT or from the local APIC's timer, as Linux likes.
        result.True(lines.Any(line => TimerInterrupts().Match(line) is { Success: true } match && Number(match) > 10), "a timer's interrupts were expected");
    }

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
    public async Task Shell_RunsProcessesInPipesAndInTheBackground()
    {
        var result = await SessionAsync("(sleep 0.2; echo late >>/tmp/x) & echo early >>/tmp/x; wait; sort -r /tmp/x | tr a-z A-Z | tac; seq 1000 | md5sum; exit\n");
        result.Ended(0, "poweroff").Prints("\nEARLY\r\nLATE\r\n");
        result.Prints("53d025127ae99ab79e8502aae2d9bea6  -");
    }

    [Fact]
    public async Task Shell_ControlCInterruptsTheForegroundProcess()
    {
        using var process = HvrunProcess.Start(Lean("hvrun.shell") with { KeepInputOpen = true });
        await process.WaitForOutputAsync(Prompt);

        // Said by the process itself, which is in the foreground then: the shell would ignore a signal that comes before.
        await TypeAsync(process, "sh -c 'echo started; exec sleep 1000'\n");
        await process.WaitForOutputAsync("\nstarted\r\n");
        await TypeAsync(process, "\u0003");
        await process.WaitForOutputAsync("^C\r\n" + Prompt);
        await TypeAsync(process, "exit 6\n");
        (await process.EndAsync()).Ended(6, "guest-status");
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

    [Theory]
    [InlineData("poweroff", 0, "poweroff")]
    [InlineData("reboot", 80, "reset")]
    [InlineData("exit", 0, "poweroff")]
    public async Task Shell_EndsTheRun(string command, int status, string verdict) =>
        (await SessionAsync(command + "\n")).Ended(status, verdict);

    [Fact]
    public async Task Debian_ReachesItsInit()
    {
        using var process = HvrunProcess.Start(Debian());
        await process.WaitForOutputAsync("Run /init as init process");
        var reached = process.Elapsed;
        var result = (await process.EndAsync()).Ended(0, "poweroff");
        result.Prints("-cloud-amd64 (debian-kernel@lists.debian.org)");
        result.True(InitsLine().IsMatch(result.Text), "init's own line was expected, whole");
        Artifacts.Measured($"Debian on the soft hypervisor: Run /init as init process after {reached.TotalSeconds:F2} s, end after {result.Duration.TotalSeconds:F2} s");
    }

    [Fact]
    public async Task Debian_ShellChoosesTheStatus()
    {
        using var process = HvrunProcess.Start(Debian("hvrun.shell") with { KeepInputOpen = true });
        await process.WaitForOutputAsync(Prompt);
        await TypeAsync(process, "uname -r; exit 7\n");
        var result = (await process.EndAsync()).Ended(7, "guest-status");
        result.True(Lines(result).Any(line => DebianRelease().IsMatch(line)), "the kernel's release was expected on a line of its own");
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
    private static HvrunStart Lean(params string[] words) => Soft("128M", Artifacts.Linux, ["--", .. words]);

    private static HvrunStart Debian(params string[] words) => Soft("256M", Artifacts.Debian, ["--cmdline", Artifacts.CommandLine("debian"), "--", .. words]);

    private static HvrunStart Soft(string memory, string kernel, string[] rest) =>
        new(["run", "--hypervisor", "soft", "--memory", memory, "--timeout", "120s", "--initrd", Artifacts.Initramfs, kernel, .. rest]) { Limit = TimeSpan.FromSeconds(150) };

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

    private static int Number(Match match) => int.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^hvrun: Linux 6\.1\.\S+ reached init after [0-9.]+ s\r?$", RegexOptions.Multiline)]
    private static partial Regex InitsLine();

    [GeneratedRegex(@"^6\.1\.[0-9]+$")]
    private static partial Regex Release();

    [GeneratedRegex(@"^6\.1\.0-[0-9]+-cloud-amd64$")]
    private static partial Regex DebianRelease();

    [GeneratedRegex(@"^status [0-9]+$")]
    private static partial Regex Status();

    [GeneratedRegex(@"^ +4: +([0-9]+) .*ttyS0$")]
    private static partial Regex SerialInterrupts();

    [GeneratedRegex(@"^ *(?:0|LOC): +([0-9]+) .*[tT]imer")]
    private static partial Regex TimerInterrupts();
}
