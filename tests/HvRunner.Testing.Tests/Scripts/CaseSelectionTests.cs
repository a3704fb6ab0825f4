using HvRunner.Testing.Scripts;

namespace HvRunner.Testing.Tests.Scripts;

/// <summary>Which cases a filter and a shard take.</summary>
public class CaseSelectionTests
{
    private static readonly IReadOnlyList<ScriptCase> Thousand =
        Reading.Cases($"name: n\nkernel: k\nmatrix: {{ cpus: [{List(1, 10)}], memory: [{List(1, 100)}] }}");

    [Theory]
    [InlineData(null, 1000)]
    [InlineData("", 1000)]
    [InlineData("CPUS=10", 100)]
    [InlineData("cpus=3, memory=7]", 1)]
    [InlineData("T.VMTEST", 1000)]
    [InlineData("other", 0)]
    public void Filter_LooksAtNameAndPathWhateverTheirCase(string? filter, int count) => Assert.Equal(count, new CaseSelection(filter, null).Of(Thousand).Count);

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(7)]
    [InlineData(16)]
    public void Shards_PartitionTheCasesRoughlyEvenly(int count)
    {
        var shards = Enumerable.Range(1, count).Select(number => new CaseSelection(null, Shard.TryParse($"{number}/{count}")).Of(Thousand)).ToList();
        Assert.Equal(Thousand.Select(one => one.FullName).Order(), shards.SelectMany(shard => shard).Select(one => one.FullName).Order());
        Assert.All(shards, shard => Assert.InRange(shard.Count, 0.5 * Thousand.Count / count, 1.5 * Thousand.Count / count));
    }

    [Fact]
    public void Shard_OfACaseIsNotMovedByOthers()
    {
        var shard = Shard.TryParse("2/5")!;
        var fewer = Reading.Cases("name: n\nkernel: k\ncmdline: other\nmatrix: { cpus: [10, 2], memory: [50, 7] }");
        var all = Thousand.ToDictionary(one => one.FullName, shard.Includes);
        Assert.All(fewer, one => Assert.Equal(all[one.FullName], shard.Includes(one)));
    }

    /// <summary>Written down so that a new version of hvrun moves no case either.</summary>
    [Fact]
    public void Shard_IsTheSameInEveryVersion() =>
        Assert.Equal("3 1 5 5 4 7 2 6", string.Join(' ', Thousand.Take(8).Select(one => Enumerable.Range(1, 7).Single(number => Shard.TryParse($"{number}/7")!.Includes(one)))));

    [Theory]
    [InlineData("1/1", true)]
    [InlineData("10/10", true)]
    [InlineData("0/2", false)]
    [InlineData("3/2", false)]
    [InlineData("1/0", false)]
    [InlineData("1", false)]
    [InlineData("1/2/3", false)]
    [InlineData("-1/2", false)]
    [InlineData(" 1/2", false)]
    [InlineData("1/99999999999999999999", false)]
    [InlineData("", false)]
    public void Shard_IsOneOfAtLeastAsMany(string text, bool isOne) => Assert.Equal(isOne ? text : null, Shard.TryParse(text)?.ToString());

    private static string List(int from, int count) => string.Join(", ", Enumerable.Range(from, count));
}
