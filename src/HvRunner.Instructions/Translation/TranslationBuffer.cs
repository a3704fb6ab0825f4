// The translation look-aside buffer: direct-mapped, 4 KiB pages, one table for each kind of access right in force (SDM vol. 3A, 4.10).
// An entry is only ever filled for an access that a page walk has just granted, read, write and fetch apart, so no right is decided here:
// a write needs its own walk, which sets the dirty bit. A page that holds translated code never gets a write entry.
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace HvRunner.Instructions;

/// <summary>One linear page. A tag is the page's linear address, or <see cref="None"/>.</summary>
internal struct PageEntry
{
    public const ulong None = 1;

    /// <summary>In <see cref="Page"/>: the page stays when CR3 is written.</summary>
    public const ulong Global = 1;

    public ulong ReadTag;
    public ulong WriteTag;
    public ulong FetchTag;

    /// <summary>Host address less linear address, when the frame is RAM; only then do <see cref="ReadTag"/> and <see cref="WriteTag"/> match.</summary>
    public nint Addend;

    /// <summary>The frame's guest-physical address.</summary>
    public ulong Frame;

    /// <summary>As the tags, for a frame that is no RAM or may not be written without a look: the slow path's own answers.</summary>
    public ulong SlowReadTag;

    public ulong SlowWriteTag;

    /// <summary>The linear page that the entry is about.</summary>
    public ulong Page;
}

/// <summary>The buffer. Its host addresses come from one place, <see cref="Processor"/>'s fill after a walk, and point into guest RAM only.</summary>
internal sealed class TranslationBuffer(Processor processor) : TranslationCache
{
    public const int EntryCount = 1024;

    private readonly PageEntry[][] _tables = [NewTable(), NewTable(), NewTable()];
    private readonly bool[] _used = new bool[3];
    private ulong _largeFirst = ulong.MaxValue;
    private ulong _largeLast;

    /// <summary>The table for the rights in force: supervisor, supervisor that may touch user pages under SMAP, user.</summary>
    public PageEntry[] Select(int rights)
    {
        _used[rights] = true;
        return _tables[rights];
    }

    public override bool TryFind(ulong linear, Access access, out ulong physical)
    {
        physical = 0;
        if ((access & Access.Implicit) != 0)
        {
            return false;
        }

        ref var entry = ref Find(processor.Pages, linear);
        var page = linear & ~0xfffUL;
        var tag = (access & Access.Fetch) != 0 ? entry.FetchTag : (access & Access.Write) != 0 ? entry.SlowWriteTag : entry.SlowReadTag;
        physical = entry.Frame | (linear & 0xfff);
        return tag == page;
    }

    public override void Add(ulong linear, Access access, in PageTranslation page)
    {
        if ((access & Access.Implicit) == 0)
        {
            processor.FillPage(linear, access, page);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ref PageEntry Find(PageEntry[] table, ulong linear) =>
        ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(table), (nint)((linear >> 12) & (EntryCount - 1)));

    /// <summary>Remembers that a page larger than 4 KiB lies here, of which INVLPG must find all parts.</summary>
    public void NoteLargePage(ulong linear, ulong size)
    {
        var first = linear & ~(size - 1);
        _largeFirst = Math.Min(_largeFirst, first);
        _largeLast = Math.Max(_largeLast, first + (size - 1));
    }

    /// <summary>Forgets everything.</summary>
    public void FlushAll()
    {
        for (var i = 0; i < _tables.Length; i++)
        {
            if (_used[i])
            {
                Empty.CopyTo(_tables[i], 0);
                _used[i] = false;
            }
        }

        _largeFirst = ulong.MaxValue;
        _largeLast = 0;
    }

    /// <summary>Forgets all but global pages.</summary>
    public void FlushNonGlobal()
    {
        for (var i = 0; i < _tables.Length; i++)
        {
            if (_used[i])
            {
                foreach (ref var entry in _tables[i].AsSpan())
                {
                    if ((entry.Page & PageEntry.Global) == 0)
                    {
                        entry = Empty[0];
                    }
                }
            }
        }
    }

    /// <summary>Forgets the page around one linear address. False: it may have been part of a larger one, and everything is forgotten.</summary>
    public bool FlushPage(ulong linear)
    {
        if (linear >= _largeFirst && linear <= _largeLast)
        {
            FlushAll();
            return false;
        }

        var page = linear & ~0xfffUL;
        foreach (var table in _tables)
        {
            ref var entry = ref Find(table, linear);
            if ((entry.Page & ~0xfffUL) == page)
            {
                entry = Empty[0];
            }
        }

        return true;
    }

    /// <summary>A frame now holds translated code: writes to it must be looked at from here on.</summary>
    public void WatchWrites(ulong frame)
    {
        foreach (var table in _tables)
        {
            foreach (ref var entry in table.AsSpan())
            {
                if (entry.Frame == frame)
                {
                    entry.WriteTag = PageEntry.None;
                }
            }
        }
    }

    private static readonly PageEntry[] Empty = NewTable();

    private static PageEntry[] NewTable()
    {
        var table = new PageEntry[EntryCount];
        table.AsSpan().Fill(new PageEntry
        {
            ReadTag = PageEntry.None,
            WriteTag = PageEntry.None,
            FetchTag = PageEntry.None,
            SlowReadTag = PageEntry.None,
            SlowWriteTag = PageEntry.None,
            Frame = ulong.MaxValue,
            Page = ulong.MaxValue - PageEntry.Global,
        });
        return table;
    }
}
