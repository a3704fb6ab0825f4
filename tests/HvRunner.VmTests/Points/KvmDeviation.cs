using System.Text.Json;

namespace HvRunner.VmTests.Points;

/// <summary>
/// What guests/interrupts may fail on a KVM: in which irqchip mode, and the field of <c>hvrun doctor</c>'s probe that has to be false for it.
/// </summary>
internal sealed record KvmDeviation(IReadOnlyList<string> Modes, string Finding, string Test)
{
    // In user mode no interrupt controller is KVM's.
    private static readonly string[] Irqchips = ["kernel", "split"];

    /// <summary>Reads rows <c>modes | finding | test | what it does | rule</c>; lines that begin with # are comments. Throws <see cref="FormatException"/> for others.</summary>
    internal static IReadOnlyList<KvmDeviation> Parse(IEnumerable<string> lines) => [.. lines.Where(line => line.Length > 0 && line[0] != '#').Select(ParseRow)];

    /// <summary>The tests whose defect doctor's probe has found.</summary>
    internal static HashSet<string> MayFail(IReadOnlyList<KvmDeviation> rows, string doctorJson, string irqchip)
    {
        using var json = JsonDocument.Parse(doctorJson);
        var probe = json.RootElement.GetProperty("probe");
        bool Finds(string finding) => probe.ValueKind == JsonValueKind.Object && probe.GetProperty(finding).ValueKind == JsonValueKind.False;
        return [.. rows.Where(row => row.Modes.Contains(irqchip) && Finds(row.Finding)).Select(row => row.Test)];
    }

    private static KvmDeviation ParseRow(string line)
    {
        if (line.Split('|', StringSplitOptions.TrimEntries) is [{ Length: > 0 } modes, { Length: > 0 } finding, { Length: > 0 } test, { Length: > 0 }, { Length: > 0 }])
        {
            var row = new KvmDeviation(modes.Split(',', StringSplitOptions.TrimEntries), finding, test);
            if (row.Modes.All(Irqchips.Contains))
            {
                return row;
            }
        }

        throw new FormatException($"not 'modes | finding | test | what it does | rule', with modes of kernel and split: {line}");
    }
}
