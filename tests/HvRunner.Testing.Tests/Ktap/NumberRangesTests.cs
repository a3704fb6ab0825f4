using HvRunner.Testing.Ktap;

namespace HvRunner.Testing.Tests.Ktap;

public class NumberRangesTests
{
    [Theory]
    [InlineData("", 0, null)]
    [InlineData("", 1, "1 is")]
    [InlineData("1 2 3", 3, null)]
    [InlineData("1 2 3", 2, null)]
    [InlineData("3 1 2", 3, null)]
    [InlineData("2", 4, "1, 3 and 4 are")]
    [InlineData("1 5", 5, "2 to 4 are")]
    [InlineData("1 3 5 7 9 11 13 15 17 19 21 23", 23, "2, 4, 6, 8, 10, 12, 14, 16, 18, 20 and others are")]
    public void Missing_IsSaidInWords(string numbers, long count, string? words)
    {
        var ranges = new NumberRanges();
        foreach (var number in numbers.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            Assert.True(ranges.Add(long.Parse(number)));
        }

        Assert.Equal(words, ranges.MissingOf(count));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Ranges_AgreeWithASet(int seed)
    {
        var random = new Random(seed);
        for (var round = 0; round < 200; round++)
        {
            var ranges = new NumberRanges();
            var set = new HashSet<long>();
            var limit = random.Next(1, 60);
            for (var step = 0; step < 80; step++)
            {
                long number = random.Next(1, limit + 1);
                Assert.True(set.Add(number) == ranges.Add(number), $"seed {seed}, round {round}: {number}");
                Assert.Equal(set.Max(), ranges.Highest);
            }

            var isWhole = Enumerable.Range(1, limit).All(number => set.Contains(number));
            Assert.True(isWhole == ranges.MissingOf(limit) is null, $"seed {seed}, round {round}");
        }
    }
}
