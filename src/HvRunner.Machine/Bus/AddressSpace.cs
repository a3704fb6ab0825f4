using System.Diagnostics.CodeAnalysis;
using HvRunner.Abstractions;

namespace HvRunner.Machine.Bus;

/// <summary>
/// Which device answers at which address: one class for ports and for memory-mapped registers. Regions never overlap. An access goes to the
/// region that holds all of it, in pieces no wider than the device takes; one that spans regions or sticks out is taken apart into bytes. What
/// nobody claims reads all-ones and swallows writes. Look-ups take no lock: the table is replaced as a whole when a region is added.
/// </summary>
/// <param name="name">"port" or "memory", for messages.</param>
/// <param name="odd">Told of accesses that no register answers; may be called on any vCPU thread, must not allocate at a high rate.</param>
public sealed class AddressSpace(string name, Action<OddAccess>? odd = null)
{
    private readonly Lock _gate = new();
    private Region[] _regions = [];
    private long _unclaimed;

    /// <summary>Accesses, or bytes of them, that no device claimed.</summary>
    public long UnclaimedCount => Volatile.Read(ref _unclaimed);

    /// <summary>Puts a device at an address. Throws <see cref="InvalidOperationException"/>, naming both devices, when the region overlaps another.</summary>
    /// <param name="range">Where; not empty.</param>
    /// <param name="device">Who answers.</param>
    /// <param name="widthBytes">The widest access that the device takes in one piece: 1 for an 8-bit ISA device.</param>
    public void Map(GuestRange range, IBusDevice device, int widthBytes)
    {
        lock (_gate)
        {
            foreach (var region in _regions)
            {
                if (region.Range.Overlaps(range))
                {
                    throw new InvalidOperationException(
                        $"{name} region {range} of '{device.Name}' overlaps {region.Range} of '{region.Device.Name}'");
                }
            }

            _regions = [.. _regions.Append(new Region(range, device, widthBytes)).OrderBy(region => region.Range.Start)];
        }
    }

    /// <summary>The device that answers at an address, for traces.</summary>
    public bool TryFind(ulong address, [NotNullWhen(true)] out IBusDevice? device)
    {
        device = Find(_regions, address)?.Device;
        return device is not null;
    }

    /// <summary>One read; fills all of <paramref name="data"/>.</summary>
    public void Read(ulong address, Span<byte> data)
    {
        var region = Find(_regions, address);
        if (region is null && data.Length == 1)
        {
            data[0] = 0xff;
            Unclaimed(address, data.Length, isWrite: false, IoStatus.Unclaimed);
        }
        else if (region is not null && region.Range.Contains(new GuestAddress(address), (ulong)data.Length))
        {
            ReadPieces(region, address, data);
        }
        else
        {
            for (var i = 0; i < data.Length; i++)
            {
                Read(unchecked(address + (ulong)i), data.Slice(i, 1));
            }
        }
    }

    /// <summary>One write.</summary>
    public void Write(ulong address, ReadOnlySpan<byte> data)
    {
        var region = Find(_regions, address);
        if (region is null && data.Length == 1)
        {
            Unclaimed(address, data.Length, isWrite: true, IoStatus.Unclaimed);
        }
        else if (region is not null && region.Range.Contains(new GuestAddress(address), (ulong)data.Length))
        {
            WritePieces(region, address, data);
        }
        else
        {
            for (var i = 0; i < data.Length; i++)
            {
                Write(unchecked(address + (ulong)i), data.Slice(i, 1));
            }
        }
    }

    private void ReadPieces(Region region, ulong address, Span<byte> data)
    {
        var width = Math.Min(region.WidthBytes, data.Length);
        for (var done = 0; done < data.Length; done += width)
        {
            var piece = data.Slice(done, Math.Min(width, data.Length - done));
            var status = region.Device.Read(address + (ulong)done - region.Range.Start.Value, piece);
            if (status != IoStatus.Ok)
            {
                piece.Fill(0xff);
                Unclaimed(address + (ulong)done, piece.Length, isWrite: false, status);
            }
        }
    }

    private void WritePieces(Region region, ulong address, ReadOnlySpan<byte> data)
    {
        var width = Math.Min(region.WidthBytes, data.Length);
        for (var done = 0; done < data.Length; done += width)
        {
            var piece = data.Slice(done, Math.Min(width, data.Length - done));
            var status = region.Device.Write(address + (ulong)done - region.Range.Start.Value, piece);
            if (status != IoStatus.Ok)
            {
                Unclaimed(address + (ulong)done, piece.Length, isWrite: true, status);
            }
        }
    }

    private void Unclaimed(ulong address, int length, bool isWrite, IoStatus status)
    {
        Interlocked.Increment(ref _unclaimed);
        odd?.Invoke(new OddAccess(name, address, length, isWrite, status));
    }

    private static Region? Find(Region[] regions, ulong address)
    {
        int low = 0, high = regions.Length - 1;
        while (low <= high)
        {
            var middle = (low + high) >>> 1;
            var region = regions[middle];
            var offset = unchecked(address - region.Range.Start.Value);
            if (address < region.Range.Start.Value)
            {
                high = middle - 1;
            }
            else if (offset >= region.Range.SizeBytes)
            {
                low = middle + 1;
            }
            else
            {
                return region;
            }
        }

        return null;
    }

    private sealed record Region(GuestRange Range, IBusDevice Device, int WidthBytes);
}

/// <summary>An access that no register answered, or not in this width.</summary>
/// <param name="Space">"port" or "memory".</param>
/// <param name="Address">Where.</param>
/// <param name="Length">How many bytes.</param>
/// <param name="IsWrite">The direction.</param>
/// <param name="Status">What the device said, or <see cref="IoStatus.Unclaimed"/> when there is none.</param>
public readonly record struct OddAccess(string Space, ulong Address, int Length, bool IsWrite, IoStatus Status);
