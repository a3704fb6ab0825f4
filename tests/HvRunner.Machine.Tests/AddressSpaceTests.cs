using HvRunner.Abstractions;
using HvRunner.Machine.Bus;

namespace HvRunner.Machine.Tests;

public class AddressSpaceTests
{
    private readonly List<OddAccess> _odd = [];
    private readonly AddressSpace _space;

    public AddressSpaceTests() => _space = new AddressSpace("port", _odd.Add);

    [Fact]
    public void Overlap_IsRefusedAndNamesBothDevices()
    {
        _space.Map(Range(0x3f8, 8), new Registers("com1"), 1);
        var refused = Assert.Throws<InvalidOperationException>(() => _space.Map(Range(0x3ff, 2), new Registers("late"), 1));
        Assert.Contains("'com1'", refused.Message, StringComparison.Ordinal);
        Assert.Contains("'late'", refused.Message, StringComparison.Ordinal);
        Assert.Contains("0x3f8-0x3ff", refused.Message, StringComparison.Ordinal);
        _space.Map(Range(0x400, 1), new Registers("next"), 1);
        _space.Map(Range(0x3f7, 1), new Registers("before"), 1);
    }

    [Theory]
    [InlineData(1, 1, new[] { 1 })]
    [InlineData(4, 1, new[] { 1, 1, 1, 1 })]
    [InlineData(4, 2, new[] { 2, 2 })]
    [InlineData(4, 4, new[] { 4 })]
    [InlineData(2, 4, new[] { 2 })]
    [InlineData(8, 4, new[] { 4, 4 })]
    public void Access_ComesInPiecesNoWiderThanTheDevice(int length, int width, int[] expected)
    {
        var device = new Registers("a");
        _space.Map(Range(0x100, 16), device, width);
        _space.Write(0x104, new byte[length]);
        Assert.Equal(expected, device.Accesses.Select(access => access.Length));
        Assert.Equal(4ul, device.Accesses[0].Offset);
        Assert.Equal(device.Accesses.Skip(1).Select(access => access.Offset), device.Accesses.SkipLast(1).Select(access => access.Offset + (ulong)access.Length));
        device.Accesses.Clear();
        _space.Read(0x104, new byte[length]);
        Assert.Equal(expected, device.Accesses.Select(access => access.Length));
        Assert.Empty(_odd);
    }

    [Fact]
    public void SpanningAccess_GoesToEachByteByByte()
    {
        var (left, right) = (new Registers("left"), new Registers("right"));
        _space.Map(Range(0x100, 2), left, 4);
        _space.Map(Range(0x103, 4), right, 4);
        _space.Write(0x101, [1, 2, 3, 4]);
        Assert.Equal((1ul, 1), Assert.Single(left.Accesses));
        Assert.Equal([(0ul, 1), (1ul, 1)], right.Accesses);
        var data = new byte[4];
        _space.Read(0x101, data);
        Assert.Equal([1, 0xff, 3, 4], data);
        Assert.Equal([(0x102ul, 1, true), (0x102ul, 1, false)], _odd.Select(access => (access.Address, access.Length, access.IsWrite)));
        Assert.Equal(2, _space.UnclaimedCount);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    [InlineData(8)]
    public void Unclaimed_ReadsAllOnesAndSwallowsWrites(int length)
    {
        var data = new byte[length];
        _space.Write(0x80, data);
        _space.Read(0x80, data);
        Assert.All(data, value => Assert.Equal(0xff, value));
        Assert.Equal(2 * length, _space.UnclaimedCount);
    }

    [Theory]
    [InlineData(IoStatus.Unclaimed)]
    [InlineData(IoStatus.BadAccess)]
    public void RefusedAccess_ReadsAllOnesWhateverTheDeviceLeftThere(IoStatus status)
    {
        _space.Map(Range(0x100, 4), new Registers("a") { Status = status }, 4);
        var data = new byte[4];
        _space.Read(0x100, data);
        _space.Write(0x100, data);
        Assert.Equal([0xff, 0xff, 0xff, 0xff], data);
        Assert.Equal([new OddAccess("port", 0x100, 4, false, status), new OddAccess("port", 0x100, 4, true, status)], _odd);
    }

    [Theory]
    [InlineData(ulong.MaxValue)]
    [InlineData(ulong.MaxValue - 3)]
    [InlineData(ulong.MaxValue - 7)]
    [InlineData(1UL << 63)]
    public void HostileAddress_IsUnclaimed(ulong address)
    {
        _space.Map(Range(0x1000, 8), new Registers("low"), 8);
        var data = new byte[8];
        _space.Read(address, data);
        Assert.All(data, value => Assert.Equal(0xff, value));
        _space.Write(address, data);
        Assert.False(_space.TryFind(address, out _));
    }

    [Fact]
    public void LastAddresses_CanBeClaimed()
    {
        var device = new Registers("top");
        _space.Map(Range(ulong.MaxValue - 7, 8), device, 4);
        _space.Write(ulong.MaxValue - 7, new byte[8]);
        Assert.Equal([(0ul, 4), (4ul, 4)], device.Accesses);
        device.Accesses.Clear();
        _space.Write(ulong.MaxValue, new byte[2]);
        Assert.Equal([(7ul, 1)], device.Accesses);
        Assert.Throws<InvalidOperationException>(() => _space.Map(Range(ulong.MaxValue, 1), new Registers("late"), 1));
    }

    [Fact]
    public void Find_KnowsEveryRegionOfMany()
    {
        for (var i = 99; i >= 0; i--)
        {
            _space.Map(Range((ulong)(i * 16), 8), new Registers($"d{i}"), 1);
        }

        for (var address = 0; address < 1600; address++)
        {
            var found = _space.TryFind((ulong)address, out var device);
            Assert.Equal(address % 16 < 8, found);
            Assert.Equal(found ? $"d{address / 16}" : null, device?.Name);
        }
    }

    [Fact]
    public void LookUps_WhileRegionsAreMapped_FindWhatWasThere()
    {
        var space = new AddressSpace("memory");
        space.Map(Range(1 << 20, 4), new Registers("fixed") { Records = false }, 4);
        var done = false;
        var lost = 0;
        var reader = new Thread(() =>
        {
            var data = new byte[4];
            while (!Volatile.Read(ref done))
            {
                space.Write(1 << 20, [1, 2, 3, 4]);
                space.Read(1 << 20, data);
                lost += data[3] == 4 ? 0 : 1;
            }
        });
        reader.Start();
        for (var i = 0; i < 1000; i++)
        {
            space.Map(Range((ulong)(i * 16) + (i % 2 == 0 ? 0ul : 1ul << 21), 16), new Registers($"d{i}"), 1);
        }

        Volatile.Write(ref done, true);
        reader.Join();
        Assert.Equal(0, lost);
        Assert.Equal(0, space.UnclaimedCount);
    }

    private static GuestRange Range(ulong start, ulong size) => new(new GuestAddress(start), size);

    /// <summary>Eight bytes that remember what was written, and how.</summary>
    private sealed class Registers(string name) : IBusDevice
    {
        private readonly byte[] _bytes = new byte[16];

        public string Name => name;

        internal IoStatus Status { get; init; } = IoStatus.Ok;

        internal bool Records { get; init; } = true;

        internal List<(ulong Offset, int Length)> Accesses { get; } = [];

        public IoStatus Read(ulong offset, Span<byte> data)
        {
            Record(offset, data.Length);
            _bytes.AsSpan((int)offset, data.Length).CopyTo(data);
            return Status;
        }

        public IoStatus Write(ulong offset, ReadOnlySpan<byte> data)
        {
            Record(offset, data.Length);
            data.CopyTo(_bytes.AsSpan((int)offset));
            return Status;
        }

        private void Record(ulong offset, int length)
        {
            if (Records)
            {
                Accesses.Add((offset, length));
            }
        }
    }
}
