namespace HvRunner.Instructions;

/// <summary>
/// What a page's tables say about it (SDM vol. 3A, 4.6 and 4.10.2). These are the tables' bits alone: CR0.WP, CR4.SMEP, CR4.SMAP and EFLAGS.AC
/// decide further, so whoever keeps them looks at those too, or empties its cache when they change. Bits 1 to 8
/// stand where the tables have them.
/// </summary>
[Flags]
internal enum PageRights : ushort
{
    None = 0,

    /// <summary>No level forbids fetching, or EFER.NXE is off.</summary>
    Executable = 1,

    /// <summary>R/W is set on every level.</summary>
    Writable = 2,

    /// <summary>U/S is set on every level.</summary>
    User = 4,

    /// <summary>The dirty bit is set: a write needs no further walk. Without it the next write must walk, so that the bit is set.</summary>
    Dirty = 0x40,

    /// <summary>Stays valid when CR3 is written (CR4.PGE is on and the page has G).</summary>
    Global = 0x100,
}

/// <summary>The result of one walk.</summary>
/// <param name="Physical">Where the byte that was asked for lies; the page starts at this address with the low bits cleared.</param>
/// <param name="SizeBits">Log2 of the page size: 12, 21, 22 or 30.</param>
/// <param name="Rights">What the page allows.</param>
internal readonly record struct PageTranslation(ulong Physical, int SizeBits, PageRights Rights)
{
    public ulong PageSize => 1UL << SizeBits;

    /// <summary>Physical address of the 4 KiB frame that holds the byte, for caches of one page size.</summary>
    public ulong Frame => Physical & ~0xfffUL;
}

/// <summary>
/// A translation cache that the caller of the executor owns, asked before every walk. It is only asked while paging is on. Whoever supplies
/// one empties it as each <see cref="Completion"/> says.
/// </summary>
internal abstract class TranslationCache
{
    /// <summary>
    /// The physical address of a linear byte, when the cache can vouch for <paramref name="access"/> in the processor's present mode. False sends
    /// the executor to the page tables, which decide and raise the fault.
    /// </summary>
    public abstract bool TryFind(ulong linear, Access access, out ulong physical);

    /// <summary>A walk for <paramref name="access"/> has succeeded.</summary>
    public abstract void Add(ulong linear, Access access, in PageTranslation page);
}
