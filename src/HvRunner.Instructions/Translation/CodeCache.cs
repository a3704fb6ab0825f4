// All translated blocks: found by where their bytes lie, retired when those bytes are written. A branch within a page is connected to its target
// by a link, a number in one table, so that retiring a block only has to reset the links that lead to it.
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace HvRunner.Instructions;

internal sealed unsafe class CodeCache(int maximumBlocks)
{
    /// <summary>More blocks than this are forgotten all at once; some 30 MiB.</summary>
    public const int MaximumBlocks = 65536;

    private static readonly Operation[] UnlinkedTarget = [new Operation { Handler = &Handlers.Begin }, new Operation { Handler = &Handlers.Unlinked }];

    private readonly Dictionary<ulong, Block> _byPhysical = [];
    private readonly Dictionary<ulong, CodePage> _pages = [];
    private Block?[] _blocks = new Block?[1024];
    private int _blockCount;
    private int _linkCount;

    // The frame that a link's branch lies in, by half the link's number.
    private ulong[] _linkFrames = new ulong[2048];

    /// <summary>Targets of branches within a page, by link number.</summary>
    public Operation[][] Links { get; private set; } = NewLinks(4096);

    /// <summary>Every block made since the last time all were forgotten.</summary>
    public int NextNumber => _blockCount;

    /// <summary>It is time to <see cref="Clear"/>, between two blocks.</summary>
    public bool IsFull => _blockCount >= maximumBlocks;

    public Block Block(int number) => _blocks[number]!;

    public Block? Find(ulong physical, ulong rip, bool withVectors)
    {
        _byPhysical.TryGetValue(physical, out var block);
        while (block is not null && (block.Rip != rip || block.WithVectors != withVectors))
        {
            block = block.Other;
        }

        return block;
    }

    /// <summary>The code page at a frame, or null when no code of it is translated.</summary>
    public CodePage? Page(ulong frame) => _pages.TryGetValue(frame, out var page) ? page : null;

    /// <summary>
    /// Takes a block in, between two blocks. True: the first of its page, whose writes must be watched from here on. A page that holds too many
    /// gives all others up: a guest that maps it at many addresses could make each write to it, and each search in it, last as long as it likes.
    /// </summary>
    public bool Add(Block block)
    {
        if (Page(block.Physical & ~0xfffUL) is { Blocks.Count: >= CodePage.MaximumBlocks } crowded)
        {
            Retire(crowded, block.Physical & ~0xfffUL, 4096);
        }

        if (_blockCount == _blocks.Length)
        {
            Array.Resize(ref _blocks, 2 * _blocks.Length);
        }

        _blocks[_blockCount++] = block;
        _byPhysical.TryGetValue(block.Physical, out var other);
        block.Other = other;
        _byPhysical[block.Physical] = block;
        ref var page = ref CollectionsMarshal.GetValueRefOrAddDefault(_pages, block.Physical & ~0xfffUL, out var known);
        page ??= new CodePage();
        page.Add(block);
        return !known;
    }

    /// <summary>Two links of a branch in one frame, which lead nowhere yet; the number of the first.</summary>
    public int NewLinkPair(ulong frame)
    {
        if (_linkCount + 2 > Links.Length)
        {
            var links = NewLinks(2 * Links.Length);
            Links.CopyTo(links, 0);
            Links = links;
            Array.Resize(ref _linkFrames, links.Length / 2);
        }

        _linkFrames[_linkCount / 2] = frame;

        _linkCount += 2;
        return _linkCount - 2;
    }

    /// <summary>Only within a frame: the page may have been mapped anew between the branch and its target, and may be mapped back.</summary>
    public void Connect(int link, Block target)
    {
        if (_linkFrames[link / 2] != (target.Physical & ~0xfffUL))
        {
            return;
        }

        Links[link] = target.Operations;
        target.Links.Add(link);
    }

    /// <summary>Retires every block of which one of these bytes, all in one page, is part.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public void Retire(CodePage page, ulong physical, int length)
    {
        // From the newest on, which its search meets first.
        for (var i = page.Blocks.Count - 1; i >= 0; i--)
        {
            var block = page.Blocks[i];
            if (block.Physical < physical + (ulong)length && physical < block.Physical + (ulong)block.Length)
            {
                Retire(block);
            }
        }

        page.Sweep();
        if (page.Blocks.Count == 0)
        {
            _pages.Remove(physical & ~0xfffUL);
        }
    }

    public void Clear()
    {
        foreach (var page in _pages.Values)
        {
            foreach (var block in page.Blocks)
            {
                block.Retired = true;
                block.Operations[1].Handler = &Handlers.Retired;
            }
        }

        _byPhysical.Clear();
        _pages.Clear();
        _blocks.AsSpan(0, _blockCount).Clear();
        Links.AsSpan(0, _linkCount).Fill(UnlinkedTarget);
        _blockCount = 0;
        _linkCount = 0;
    }

    private void Retire(Block block)
    {
        block.Retired = true;
        block.Operations[1].Handler = &Handlers.Retired;
        foreach (var link in block.Links)
        {
            Links[link] = UnlinkedTarget;
        }

        ref var first = ref CollectionsMarshal.GetValueRefOrNullRef(_byPhysical, block.Physical);
        if (first == block)
        {
            if (block.Other is null)
            {
                _byPhysical.Remove(block.Physical);
            }
            else
            {
                first = block.Other;
            }

            return;
        }

        var before = first;
        while (before.Other != block)
        {
            before = before.Other!;
        }

        before.Other = block.Other;
    }

    private static Operation[][] NewLinks(int count)
    {
        var links = new Operation[count][];
        links.AsSpan().Fill(UnlinkedTarget);
        return links;
    }
}
