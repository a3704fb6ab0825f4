using System.Diagnostics;
using System.Globalization;
using HvRunner.VmTests.Harness;

namespace HvRunner.VmTests;

/// <summary>
/// The soft processor's handlers go from one to the next by a call in tail position, which the compiler must make a jump: else the stack grows
/// with every instruction of the guest. Nothing in the language promises it, so the native binary's own code is looked at, every handler of it.
/// </summary>
public sealed class HandlerChainTests
{
    private const string HandlerMark = "_Handlers__";

    [Fact]
    public void EveryHandler_JumpsToTheNext()
    {
        var binary = Artifacts.Hvrun;
        var symbols = Path.Combine(Artifacts.Root, "src", "HvRunner.Cli", "bin", "Release", "net9.0", "linux-x64", "native", "hvrun.dbg");
        Assert.True(File.Exists(symbols), $"the build leaves the binary's symbols in {symbols}");
        var functions = ReadFunctions(symbols);
        var handlers = functions.Where(function => function.Name.Contains(HandlerMark, StringComparison.Ordinal)).ToList();
        Assert.True(handlers.Count > 1000, $"the translator has many handlers, not {handlers.Count}; were they renamed?");

        // Every handler that is executed for a guest instruction ends in a jump through a register, or in one to another handler.
        var calls = IndirectCalls(binary, handlers[0].Start, handlers[^1].End);
        var wrong = handlers.Where(handler => calls.Any(call => call >= handler.Start && call < handler.End)).Select(handler => handler.Name).ToList();
        Assert.True(wrong.Count == 0, $"{wrong.Count} of {handlers.Count} handlers call where they should jump:\n{string.Join('\n', wrong)}");
    }

    private static List<(ulong Start, ulong End, string Name)> ReadFunctions(string symbols)
    {
        var lines = Output("nm", "--numeric-sort", symbols)
            .Select(line => line.Split(' ', 3))
            .Where(fields => fields.Length == 3 && fields[1] is "t" or "T")
            .Select(fields => (Start: ulong.Parse(fields[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture), Name: fields[2]))
            .ToList();
        return [.. lines.Zip(lines.Skip(1), (function, next) => (function.Start, next.Start, function.Name))];
    }

    /// <summary>Addresses of all calls through a register or through memory.</summary>
    private static List<ulong> IndirectCalls(string binary, ulong start, ulong end) =>
        [.. Output("objdump", "--disassemble", "--no-show-raw-insn", $"--start-address=0x{start:x}", $"--stop-address=0x{end:x}", binary)
            .Select(line => line.Split(':', 2))
            .Where(parts => parts.Length == 2 && parts[1].TrimStart().StartsWith("call", StringComparison.Ordinal) && parts[1].Contains('*', StringComparison.Ordinal))
            .Select(parts => ulong.Parse(parts[0].Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture))];

    private static string[] Output(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true };
        using var process = new Process { StartInfo = start };
        process.Start();
        var output = process.StandardOutput.ReadToEndAsync();
        Assert.True(process.WaitForExit(TimeSpan.FromMinutes(2)), $"{program} did not end");
        Assert.Equal(0, process.ExitCode);
        return output.GetAwaiter().GetResult().Split('\n');
    }
}
