using Iced.Intel;

namespace HvRunner.Instructions.ProcessorTests;

/// <summary>What a guest can make the store of translated blocks keep.</summary>
public class CodeCacheTests
{
    [Fact]
    public void Page_HoldsNoMoreThanItsShareOfBlocks()
    {
        var cache = new CodeCache(CodeCache.MaximumBlocks);
        var first = Add(cache, 0, 1);
        Assert.Same(first, cache.Find(first.Physical, first.Rip, false));
        for (ulong page = 1; page < 2 * CodePage.MaximumBlocks; page++)
        {
            var block = Add(cache, page << 12, 1);
            Assert.InRange(cache.Page(block.Physical)!.Blocks.Count, 1, CodePage.MaximumBlocks);
            Assert.Same(block, cache.Find(block.Physical, block.Rip, false));
        }

        Assert.True(first.Retired);
        Assert.Null(cache.Find(first.Physical, first.Rip, false));
    }

    private static Block Add(CodeCache cache, ulong rip, int instructions)
    {
        var block = new Block
        {
            Operations = new Operation[2],
            Instructions = new Instruction[instructions],
            Physical = 0x1000,
            Rip = rip,
            Length = 1,
            WithVectors = false,
            Number = cache.NextNumber,
        };
        cache.Add(block);
        return block;
    }
}
