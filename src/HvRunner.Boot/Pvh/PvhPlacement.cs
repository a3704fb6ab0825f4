using System.Buffers;
using System.Text.Unicode;
using HvRunner.Abstractions;

namespace HvRunner.Boot.Pvh;

/// <summary>
/// Decides where everything goes and whether it fits, before a byte of guest memory is written. The kernel's segments have fixed places,
/// hvrun's own tables as well; only the initrd is placed freely. All faults are noted together.
/// </summary>
internal sealed class PvhPlacement
{
    private const ulong MegaByte = 1 << 20;

    // COMMAND_LINE_SIZE of Linux on x86 is 2048 with the NUL; what is longer would be cut off without a word.
    private const int LinuxCommandLineMaxBytes = 2047;

    private readonly PvhBootRequest _request;
    private readonly InputFaults _faults;
    private readonly UsableRam _ram;
    private readonly List<PlacedRange> _ranges = [];

    public PvhPlacement(PvhBootRequest request)
    {
        _request = request;
        _faults = new InputFaults(request.Kernel.Source.Name);
        _ram = new UsableRam(request.Memory, request.MemoryMap);
        CommandLine = EncodeCommandLine();
        PlaceTables();
        var tables = _ranges.Count;
        PlaceSegments(tables);
        PlaceInitrd();
        _faults.ThrowIfAny();
    }

    /// <summary>Everything that will be written or cleared.</summary>
    public IReadOnlyList<PlacedRange> Ranges => _ranges;

    /// <summary>The command line in UTF-8 with its NUL; empty when there is none.</summary>
    public byte[] CommandLine { get; }

    /// <summary>Where the initrd goes; null when there is none.</summary>
    public GuestRange? Initrd { get; private set; }

    private byte[] EncodeCommandLine()
    {
        var text = _request.CommandLine;
        if (text.Length == 0)
        {
            return [];
        }

        const string subject = "the kernel's command line";
        var most = _request.Kernel.IsLinux
            ? Math.Min(LinuxCommandLineMaxBytes, _request.Addresses.CommandLineMaxBytes - 1)
            : _request.Addresses.CommandLineMaxBytes - 1;
        if (text.AsSpan().Contains('\0'))
        {
            _faults.Add(InputFaultKind.BadInput, subject, "it contains a NUL character at position " +
                $"{text.IndexOf('\0', StringComparison.Ordinal)}, where a kernel would take it to end; leave it out.");
        }

        // Three bytes a UTF-16 code unit is the most that UTF-8 takes; the last byte stays 0.
        var bytes = new byte[Math.Min((3L * text.Length) + 1, Array.MaxLength)];
        var status = Utf8.FromUtf16(text, bytes.AsSpan(0, bytes.Length - 1), out var read, out var length, replaceInvalidSequences: false);
        if (status == OperationStatus.InvalidData)
        {
            _faults.Add(InputFaultKind.BadInput, subject, $"it is not encodable as UTF-8: there is half of a surrogate pair at position {read}.");
            return [];
        }

        if (length > most)
        {
            _faults.Add(InputFaultKind.BadInput, subject, $"it is {length} bytes long, but " +
                $"{(_request.Kernel.IsLinux ? "Linux takes" : "there is room for")} at most {most}; make it shorter.");
            return [];
        }

        return bytes.AsSpan(0, length + 1).ToArray();
    }

    private void PlaceTables()
    {
        var at = _request.Addresses;
        var entries = _request.MemoryMap.Count;
        if (entries is < 1 or > PvhBoot.MaxMemoryMapEntries)
        {
            _faults.Add(InputFaultKind.BadInput, "the memory map", $"it has {entries} entries, but a PVH kernel takes 1 to " +
                $"{PvhBoot.MaxMemoryMapEntries}.");
        }

        AddTable("descriptor table", at.Gdt, PvhGdt.SizeBytes);
        AddTable("start info", at.StartInfo, HvmStartInfo.SizeBytes);
        AddTable("module list", at.ModuleList, _request.Initrd is null ? 0UL : HvmStartInfo.ModuleSizeBytes);
        AddTable("memory map", at.MemoryMap, (ulong)entries * HvmStartInfo.MemoryMapEntrySizeBytes);
        AddTable("command line", at.CommandLine, (ulong)CommandLine.Length);
    }

    private void AddTable(string name, GuestAddress address, ulong size)
    {
        if (size == 0)
        {
            return;
        }

        var range = new GuestRange(address, size);
        if (!_ram.Holds(range))
        {
            _faults.Add(InputFaultKind.Usage, "the guest's memory", $"hvrun's {name} takes {range}, but there is RAM at {_ram}; give " +
                "the guest at least 1 MiB (--memory).");
        }

        _ranges.Add(new PlacedRange(name, range));
    }

    private void PlaceSegments(int tables)
    {
        var segments = _request.Kernel.Segments;
        for (var i = 0; i < segments.Count; i++)
        {
            var segment = segments[i];
            if (!_ram.Holds(segment.Memory))
            {
                _faults.Add($"segment {segment.Index} takes physical memory {segment.Memory}, but there is RAM at {_ram}; " +
                    $"{RemedyFor(segment.Memory)}.");
            }

            for (var k = 0; k < tables; k++)
            {
                if (_ranges[k].Range.Overlaps(segment.Memory))
                {
                    _faults.Add($"segment {segment.Index} takes physical memory {segment.Memory}, which overlaps hvrun's " +
                        $"{_ranges[k].Name} at {_ranges[k].Range}; link the kernel at 0x100000 or above.");
                }
            }

            _ranges.Add(new PlacedRange($"segment {segment.Index}", segment.Memory));
        }
    }

    private string RemedyFor(GuestRange segment)
    {
        var limit = _request.Addresses.InitrdLimit;
        GuestRange? highest = null;
        for (var i = 0; i < _ram.Regions.Count; i++)
        {
            highest = _ram.Regions[i].End <= limit ? _ram.Regions[i] : highest;
        }

        // More memory helps only a segment that begins in or behind the last RAM below the device hole.
        var needed = ((segment.End.Value - 1) / MegaByte) + 1;
        return highest is { } last && segment.Start >= last.Start && segment.End <= limit
            ? $"give the guest at least {needed} MiB (--memory {needed}M)"
            : "link the kernel to where there is RAM (p_paddr)";
    }

    private void PlaceInitrd()
    {
        if (_request.Initrd is not { } initrd)
        {
            return;
        }

        var size = (ulong)initrd.LengthBytes;
        if (size == 0)
        {
            _faults.Add(InputFaultKind.BadInput, initrd.Name, "the initrd is empty; give one with contents or none at all.");
            return;
        }

        var limit = Math.Min(_request.Addresses.InitrdLimit.Value, 1UL << 32);
        if (InitrdPlacement.Find(size, _ram, limit, _ranges) is not { } address)
        {
            var needed = InitrdPlacement.NeededMebibytes(size, limit, _request.Kernel.Segments);
            _faults.Add(InputFaultKind.BadInput, initrd.Name, needed is { } mebibytes
                ? $"the initrd of {size} bytes does not fit into the guest's memory beside the kernel; give the guest at least " +
                    $"{mebibytes} MiB (--memory {mebibytes}M)."
                : $"the initrd of {size} bytes does not fit below {new GuestAddress(limit)} beside the kernel, and a PVH kernel finds " +
                    "it only there; make it smaller.");
            return;
        }

        Initrd = new GuestRange(address, size);
        _ranges.Add(new PlacedRange("initrd", Initrd.Value));
    }
}
