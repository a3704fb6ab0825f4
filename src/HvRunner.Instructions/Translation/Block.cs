using Iced.Intel;

namespace HvRunner.Instructions;

/// <summary>A run of instructions that was translated, all in one page, entered only at its start.</summary>
internal sealed class Block
{
    /// <summary>What to execute; the first operation is <see cref="Handlers.Begin"/>, the last goes on behind the block.</summary>
    public required Operation[] Operations { get; init; }

    /// <summary>The instructions themselves, for the executor.</summary>
    public required Instruction[] Instructions { get; init; }

    /// <summary>Where its first byte lies in guest-physical memory.</summary>
    public required ulong Physical { get; init; }

    /// <summary>Where its first byte lies for the program.</summary>
    public required ulong Rip { get; init; }

    /// <summary>Its length in bytes.</summary>
    public required int Length { get; init; }

    /// <summary>Translated where vector instructions may run, and only to be entered there.</summary>
    public required bool WithVectors { get; init; }

    /// <summary>Its place in the processor's list.</summary>
    public required int Number { get; init; }

    /// <summary>Its bytes have changed since; it must not be entered any more.</summary>
    public bool Retired { get; set; }

    /// <summary>The next block of the same bytes at another linear address.</summary>
    public Block? Other { get; set; }

    /// <summary>Links of other blocks that lead here.</summary>
    public List<int> Links { get; } = [];
}

/// <summary>A physical page with translated code: which of its 128 lines of 32 bytes hold some. Data beside code is common, so a page is too coarse.</summary>
internal sealed class CodePage
{
    /// <summary>More than code of one page has, were it mapped in a few dozen processes.</summary>
    public const int MaximumBlocks = 4096;

    private const int LineBits = 5;

    public List<Block> Blocks { get; } = [];

    public UInt128 Lines { get; private set; }

    /// <summary>The lines that bytes of this page touch.</summary>
    public static UInt128 LinesOf(ulong physical, int length)
    {
        var first = (int)(physical & 4095) >> LineBits;
        var last = (int)((physical & 4095) + (ulong)length - 1) >> LineBits;
        return (UInt128.MaxValue << first) & (UInt128.MaxValue >> (127 - last));
    }

    public void Add(Block block)
    {
        Blocks.Add(block);
        Lines |= LinesOf(block.Physical, block.Length);
    }

    /// <summary>Takes out all blocks that were retired.</summary>
    public void Sweep()
    {
        Blocks.RemoveAll(block => block.Retired);
        UInt128 lines = 0;
        foreach (var block in Blocks)
        {
            lines |= LinesOf(block.Physical, block.Length);
        }

        Lines = lines;
    }
}
