using HvRunner.Abstractions;

namespace HvRunner.Instructions;

/// <summary>An 8-byte descriptor of the GDT or an LDT (SDM vol. 3A, 3.4.5).</summary>
/// <param name="Raw">The eight bytes, little-endian.</param>
internal readonly record struct SegmentDescriptor(ulong Raw)
{
    public int Type => (int)(Raw >> 40) & 0xf;

    public bool IsCodeOrData => (Raw & (1UL << 44)) != 0;

    public int Dpl => (int)(Raw >> 45) & 3;

    public bool Present => (Raw & (1UL << 47)) != 0;

    public bool Long => (Raw & (1UL << 53)) != 0;

    public bool Default32 => (Raw & (1UL << 54)) != 0;

    public bool IsCode => IsCodeOrData && (Type & 8) != 0;

    public bool IsConforming => IsCode && (Type & 4) != 0;

    public bool IsReadable => IsCodeOrData && ((Type & 8) == 0 || (Type & 2) != 0);

    public bool IsWritableData => IsCodeOrData && (Type & 0xa) == 2;

    /// <summary>The limit in bytes, granularity applied.</summary>
    public uint Limit
    {
        get
        {
            var limit = (uint)((Raw & 0xffff) | ((Raw >> 32) & 0xf0000));
            return (Raw & (1UL << 55)) != 0 ? (limit << 12) | 0xfff : limit;
        }
    }

    public uint Base => (uint)(((Raw >> 16) & 0xff_ffff) | ((Raw >> 32) & 0xff00_0000));

    /// <summary>The register that a load of <paramref name="selector"/> gives; the accessed bit counts as set.</summary>
    public SegmentRegister ToRegister(ushort selector) => new()
    {
        Selector = selector,
        Base = Base,
        Limit = Limit,
        Attributes = (ushort)(((Raw >> 40) & 0xf0ff) | 1),
    };
}
