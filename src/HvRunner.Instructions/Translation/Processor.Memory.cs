// Linear to host addresses: what fills the translation buffer, and what the careful handlers ask (SDM vol. 3A, 4.10).
using System.Runtime.CompilerServices;

namespace HvRunner.Instructions;

public sealed unsafe partial class Processor
{
    private readonly TranslationBuffer _buffer;
    private readonly RamBank[] _banks;

    /// <summary>The table of the translation buffer for the rights in force.</summary>
    internal PageEntry[] Pages;

    /// <summary>The host address of an operand, or 0 when the executor must do it: a page crossing, a device, a fault.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal nint LocateRead(ulong linear, int size)
    {
        ref var entry = ref TranslationBuffer.Find(Pages, linear);
        var page = linear & ~0xfffUL;
        if (((linear + (ulong)(size - 1)) & ~0xfffUL) != page)
        {
            return 0;
        }

        if (entry.ReadTag == page || (TryWalk(linear, Access.Read) && entry.ReadTag == page))
        {
            return entry.Addend + (nint)linear;
        }

        return 0;
    }

    /// <summary>As <see cref="LocateRead"/>, for writing; 0 as well when the bytes belong to translated code.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal nint LocateWrite(ulong linear, int size)
    {
        ref var entry = ref TranslationBuffer.Find(Pages, linear);
        var page = linear & ~0xfffUL;
        if (((linear + (ulong)(size - 1)) & ~0xfffUL) != page)
        {
            return 0;
        }

        if (entry.WriteTag == page || (entry.SlowWriteTag != page && TryWalk(linear, Access.Write) && entry.WriteTag == page))
        {
            return entry.Addend + (nint)linear;
        }

        if (entry.SlowWriteTag != page || entry.Addend == 0)
        {
            return 0;
        }

        if (_code.Page(entry.Frame) is not { } code)
        {
            // The code that the page held is gone.
            entry.WriteTag = page;
            return entry.Addend + (nint)linear;
        }

        return (code.Lines & CodePage.LinesOf(linear, size)) == 0 ? entry.Addend + (nint)linear : 0;
    }

    /// <summary>As <see cref="LocateWrite"/>, for a run of bytes: code that was translated from them is retired, unless it is what runs.</summary>
    internal nint LocateRunToWrite(ulong linear, int size)
    {
        var host = LocateWrite(linear, size);
        ref var entry = ref TranslationBuffer.Find(Pages, linear);
        if (host != 0 || entry.SlowWriteTag != (linear & ~0xfffUL) || entry.Addend == 0)
        {
            return host;
        }

        var physical = entry.Frame | (linear & 4095);
        var running = _code.Block(BlockNumber);
        if (running.Physical < physical + (ulong)size && physical < running.Physical + (ulong)running.Length)
        {
            return 0;
        }

        RetireCode(physical, size);
        return entry.Addend + (nint)linear;
    }

    /// <summary>A walk has granted an access: remember it, and the host address when the frame is RAM.</summary>
    internal void FillPage(ulong linear, Access access, in PageTranslation page)
    {
        ref var entry = ref TranslationBuffer.Find(Pages, linear);
        var tag = linear & ~0xfffUL;
        var frame = page.Frame;
        if ((entry.Page & ~0xfffUL) != tag || entry.Frame != frame)
        {
            entry = new PageEntry
            {
                Page = tag | ((page.Rights & PageRights.Global) != 0 ? PageEntry.Global : 0),
                Frame = frame,
                ReadTag = PageEntry.None,
                WriteTag = PageEntry.None,
                FetchTag = PageEntry.None,
                SlowReadTag = PageEntry.None,
                SlowWriteTag = PageEntry.None,
                Addend = TryFindHost(frame, out var host) ? host - (nint)tag : 0,
            };
        }

        if (page.SizeBits > 12)
        {
            _buffer.NoteLargePage(linear, page.PageSize);
        }

        if ((access & Access.Fetch) != 0)
        {
            entry.FetchTag = tag;
        }
        else if ((access & Access.Write) != 0)
        {
            entry.SlowWriteTag = tag;
            if (entry.Addend != 0 && _code.Page(frame) is null)
            {
                entry.WriteTag = tag;
            }
        }
        else
        {
            entry.SlowReadTag = tag;
            if (entry.Addend != 0)
            {
                entry.ReadTag = tag;
            }
        }
    }

    /// <summary>RAM at a physical address, to be read; false where there is none.</summary>
    internal bool TryReadRam(ulong physical, Span<byte> data)
    {
        if (!TryFindHost(physical, out var host))
        {
            return false;
        }

        new ReadOnlySpan<byte>((void*)host, data.Length).CopyTo(data);
        return true;
    }

    /// <summary>RAM at a physical address, to be written; code that was translated from there is retired.</summary>
    internal bool TryWriteRam(ulong physical, ReadOnlySpan<byte> data)
    {
        if (!TryFindHost(physical, out var host))
        {
            return false;
        }

        RetireCode(physical, data.Length);
        data.CopyTo(new Span<byte>((void*)host, data.Length));
        return true;
    }

    /// <summary>Bytes within one page are about to change: no block may have them.</summary>
    internal void RetireCode(ulong physical, int length)
    {
        if (_code.Page(physical & ~0xfffUL) is { } page && (page.Lines & CodePage.LinesOf(physical, length)) != 0)
        {
            _code.Retire(page, physical, length);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryFindHost(ulong physical, out nint host)
    {
        // RAM consists of whole pages, and no access here crosses one.
        foreach (ref readonly var bank in _banks.AsSpan())
        {
            var offset = physical - bank.Start;
            if (offset < bank.SizeBytes)
            {
                host = bank.Host + (nint)offset;
                return true;
            }
        }

        host = 0;
        return false;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool TryWalk(ulong linear, Access access)
    {
        if ((ulong)((long)(linear << 16) >> 16) != linear)
        {
            return false;
        }

        SettleFlags();
        if (!_executor.TryWalk(this, ref _memory, ref _host, linear, access, out var page, out _))
        {
            return false;
        }

        FillPage(linear, access, page);
        return true;
    }
}
