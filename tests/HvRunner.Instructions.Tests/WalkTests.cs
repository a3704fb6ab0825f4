using HvRunner.Abstractions;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace HvRunner.Instructions.Tests;

/// <summary>What a translation cache is told, and the entry that skips fetch and decode.</summary>
public class WalkTests
{
    private const ulong Data = GuestProcessor.Data;

    [Fact]
    public void Walk_ReportsRightsOfAllLevels()
    {
        var guest = GuestProcessor.Long();
        guest.Pages.Map(Data, Data + 0x1000, PageTables.User | PageTables.NoExecute);
        Assert.True(guest.TryWalk(Data + 5, Access.Read, out var page, out _));
        Assert.Equal(new PageTranslation(Data + 0x1005, 12, PageRights.User), page);
        guest.Pages.Map(Data, Data, PageTables.Writable);
        Assert.True(guest.TryWalk(Data, Access.Read, out page, out _));
        Assert.Equal(PageRights.Writable | PageRights.Executable, page.Rights);
    }

    [Fact]
    public void Walk_ReportsDirtyOnceWritten()
    {
        var guest = GuestProcessor.Long();
        Assert.True(guest.TryWalk(Data, Access.Read, out var page, out _));
        Assert.Equal(PageRights.None, page.Rights & PageRights.Dirty);
        Assert.True(guest.TryWalk(Data, Access.Write, out page, out _));
        Assert.Equal(PageRights.Dirty, page.Rights & PageRights.Dirty);
        Assert.True(guest.TryWalk(Data, Access.Read, out page, out _));
        Assert.Equal(PageRights.Dirty, page.Rights & PageRights.Dirty);
    }

    [Theory]
    [InlineData(0x80UL, true)]
    [InlineData(0UL, false)]
    public void Walk_ReportsGlobalOnlyWithPge(ulong enabled, bool isGlobal)
    {
        var guest = GuestProcessor.Long();
        guest.State.Cr4 |= enabled;
        guest.Pages.Map(Data, Data, PageTables.Writable | 0x100);
        Assert.True(guest.TryWalk(Data, Access.Read, out var page, out _));
        Assert.Equal(isGlobal, (page.Rights & PageRights.Global) != 0);
    }

    [Fact]
    public void Walk_ReportsLargePageSize()
    {
        var guest = GuestProcessor.Long();
        guest.Pages.Map(0x4000_0000, 0, PageTables.Writable, level: 2);
        Assert.True(guest.TryWalk(0x4012_3456, Access.Read, out var page, out _));
        Assert.Equal((0x12_3456UL, 0x20_0000UL, 0x12_3000UL), (page.Physical, page.PageSize, page.Frame));
    }

    [Fact]
    public void Walk_WithoutPaging_IsIdentityWithAllRights()
    {
        var guest = GuestProcessor.Protected();
        Assert.True(guest.TryWalk(0x1234_5678, Access.Write, out var page, out _));
        Assert.Equal(new PageTranslation(0x1234_5678, 12, PageRights.User | PageRights.Writable | PageRights.Executable | PageRights.Dirty), page);
    }

    [Fact]
    public void Walk_ThatFails_DescribesThePageFault()
    {
        var guest = GuestProcessor.Long(3);
        guest.Pages.Map(Data, Data, PageTables.Writable);
        Assert.False(guest.TryWalk(Data + 9, Access.Write, out _, out var fault));
        Assert.Equal((CompletionKind.Fault, 14, 7u, Data + 9), (fault.Kind, fault.Vector, fault.ErrorCode, fault.Cr2));
        Assert.True(guest.TryWalk(Data + 9, Access.Write | Access.Implicit, out _, out _));
    }

    [Fact]
    public void Cache_IsAskedBeforeTheTablesAndToldAfterwards()
    {
        var guest = GuestProcessor.Long();
        var cache = new OnePageCache();
        guest.Translations = cache;
        guest.Write64(Data, 77);
        guest.Complete(a => a.mov(rax, __[Data]));
        Assert.Contains((Data, Access.Read), cache.Added);

        // From here on the data comes from elsewhere although the tables say otherwise.
        cache.Page = Data;
        cache.Frame = Data + 0x1000;
        guest.Write64(Data + 0x1000, 78);
        guest.Complete(a => a.mov(rax, __[Data]));
        Assert.Equal(78UL, guest[GeneralRegister.Rax]);
    }

    [Fact]
    public void Execute_TakesDecodedInstruction()
    {
        var guest = GuestProcessor.Long();
        guest[GeneralRegister.Rbx] = 5;
        var instruction = Instruction.Create(Code.Add_r64_rm64, Register.RAX, Register.RBX);
        instruction.Length = 3;
        instruction.IP = guest.State.Rip;
        var completion = guest.Execute(instruction);
        Assert.Equal((CompletionKind.Completed, 3, 5UL), (completion.Kind, completion.Length, guest[GeneralRegister.Rax]));
        Assert.Equal(GuestProcessor.Code + 3, guest.State.Rip);
        Assert.Equal(0, guest.Log.Reads);
    }

    private sealed class OnePageCache : TranslationCache
    {
        public List<(ulong Linear, Access Access)> Added { get; } = [];

        public ulong Page { get; set; } = ulong.MaxValue;

        public ulong Frame { get; set; }

        public override bool TryFind(ulong linear, Access access, out ulong physical)
        {
            physical = Frame | (linear & 0xfff);
            return (linear & ~0xfffUL) == Page;
        }

        public override void Add(ulong linear, Access access, in PageTranslation page) => Added.Add((linear, access));
    }
}
