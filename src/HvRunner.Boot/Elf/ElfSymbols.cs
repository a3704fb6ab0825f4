using System.Buffers;
using HvRunner.Abstractions;

namespace HvRunner.Boot.Elf;

/// <summary>
/// The functions of a kernel file by address (gABI 4.1, "Symbol Table"), for post-mortems: loaded only then. Tolerant on purpose: what is
/// malformed gives no symbol, never an error, because a post-mortem has worse to report. Names stay in the file until they are asked for, so
/// the source has to outlive this. Not read: .dynsym, debug information, compressed sections.
/// </summary>
public sealed class ElfSymbols
{
    private const ulong LargestTableBytes = 64 << 20;
    private const int ReadBytes = 48 * 1024;
    private const int LongestNameBytes = 256;

    // A short function inside another hides it; that many are passed over on the way back to the one that contains the address.
    private const int MaxPassed = 16;

    private readonly ElfImage _image;
    private readonly List<ElfSymbol> _symbols = [];
    private ElfSectionHeader _strings;

    private ElfSymbols(ElfImage image) => _image = image;

    /// <summary>How many functions and labels it knows.</summary>
    public int Count => _symbols.Count;

    /// <summary>Reads the symbol table; null when the file has none that is usable. Throws only when the host cannot read the file.</summary>
    public static ElfSymbols? Load(IImageSource source)
    {
        ArgumentNullException.ThrowIfNull(source);
        if (ElfImage.Read(new ImageWindow(source), new InputFaults(source.Name)) is not { } image)
        {
            return null;
        }

        var headers = image.SectionHeaders;
        for (var i = 0; i < headers.Count; i++)
        {
            if (headers[i].Type == ElfSectionType.SymbolTable && headers[i].Link < (uint)headers.Count)
            {
                var symbols = new ElfSymbols(image) { _strings = headers[(int)headers[i].Link] };
                symbols.Read(headers[i]);
                return symbols.Count == 0 ? null : symbols;
            }
        }

        return null;
    }

    /// <summary>
    /// The function that a linear address belongs to, with the distance from its start in bytes: the nearest symbol at or before it in the same
    /// executable section, within its size where it has one and else before the next symbol. False when there is none.
    /// </summary>
    public bool TryResolve(ulong address, out string name, out ulong offset)
    {
        name = "";
        offset = 0;
        if (SectionOf(address) is not { } section)
        {
            return false;
        }

        var index = LastAtOrBefore(address);
        var nearest = index < 0 ? 0 : _symbols[index].Address;
        for (var passed = 0; index >= 0 && passed <= MaxPassed; index--, passed++)
        {
            var symbol = _symbols[index];
            if (symbol.Section != section)
            {
                return false;
            }

            // Without a size, a symbol goes as far as the next one.
            var inside = symbol.Size == 0 ? symbol.Address == nearest : address - symbol.Address < symbol.Size;
            if (inside && TryReadName(symbol.NameOffset, out name))
            {
                offset = address - symbol.Address;
                return true;
            }
        }

        return false;
    }

    /// <summary>As <see cref="TryResolve"/>, for a processor that runs with paging off: the address is where a segment was loaded, not
    /// where it is linked.</summary>
    public bool TryResolvePhysical(GuestAddress address, out string name, out ulong offset)
    {
        foreach (var header in _image.ProgramHeaders)
        {
            if (header.IsLoad && address.Value - header.PhysicalAddress < header.MemorySize && address.Value >= header.PhysicalAddress)
            {
                return TryResolve(unchecked(address.Value - header.PhysicalAddress + header.VirtualAddress), out name, out offset);
            }
        }

        name = "";
        offset = 0;
        return false;
    }

    private void Read(in ElfSectionHeader table)
    {
        var entrySize = ElfSymbol.SizeBytes(_image.Class);
        var window = _image.Window;
        if (table.EntrySize != (ulong)entrySize || table.SizeBytes > LargestTableBytes || !window.Holds(table.Offset, table.SizeBytes))
        {
            return;
        }

        var buffer = ArrayPool<byte>.Shared.Rent(ReadBytes);
        try
        {
            var remaining = table.SizeBytes - (table.SizeBytes % (ulong)entrySize);
            for (var offset = table.Offset; remaining != 0;)
            {
                // 48 KiB is a whole number of entries of either class.
                var chunk = buffer.AsSpan(0, (int)Math.Min(remaining, ReadBytes));
                if (!window.TryRead(offset, chunk))
                {
                    return;
                }

                Collect(chunk, entrySize);
                offset += (ulong)chunk.Length;
                remaining -= (ulong)chunk.Length;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        _symbols.Sort();
    }

    private void Collect(ReadOnlySpan<byte> entries, int entrySize)
    {
        for (; entries.Length >= entrySize; entries = entries[entrySize..])
        {
            var symbol = ElfSymbol.Read(entries, _image.Class);
            if (symbol.IsCode && symbol.Section < _image.SectionHeaders.Count && Contains(_image.SectionHeaders[symbol.Section], symbol.Address))
            {
                _symbols.Add(symbol);
            }
        }
    }

    private int? SectionOf(ulong address)
    {
        var headers = _image.SectionHeaders;
        for (var i = 0; i < headers.Count; i++)
        {
            if (Contains(headers[i], address))
            {
                return i;
            }
        }

        return null;
    }

    private static bool Contains(in ElfSectionHeader section, ulong address)
    {
        const ulong executable = 4;
        return (section.Flags & executable) != 0 && address >= section.Address && address - section.Address < section.SizeBytes;
    }

    private int LastAtOrBefore(ulong address)
    {
        int low = 0, high = _symbols.Count;
        while (low < high)
        {
            var middle = low + ((high - low) / 2);
            if (_symbols[middle].Address <= address)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low - 1;
    }

    private bool TryReadName(uint nameOffset, out string name)
    {
        name = "";
        if (nameOffset == 0 || nameOffset >= _strings.SizeBytes || _strings.Type != ElfSectionType.StringTable)
        {
            return false;
        }

        Span<byte> bytes = stackalloc byte[LongestNameBytes];
        bytes = bytes[..(int)Math.Min(LongestNameBytes, _strings.SizeBytes - nameOffset)];
        if (!_image.Window.Holds(_strings.Offset, _strings.SizeBytes) || !_image.Window.TryRead(_strings.Offset + nameOffset, bytes))
        {
            return false;
        }

        name = PrintableText.Of(bytes);
        return name.Length != 0;
    }
}
