using System.Buffers.Binary;
using HvRunner.Host;
using HvRunner.Host.Interop;
using static HvRunner.Kvm.Interop.KvmConstants;

namespace HvRunner.Kvm;

/// <summary>
/// How often a vCPU has entered the guest, by KVM's own statistics (Linux, Documentation/virt/kvm/api.rst, KVM_GET_STATS_FD): what tells that one which KVM itself
/// puts to sleep and wakes has executed something in between. Read with one call; nothing is allocated after it was made. Any thread.
/// </summary>
internal sealed unsafe class KvmEntryCount : IDisposable
{
    private const int HeaderBytes = 24;
    private const int DescriptionBytes = 16;
    private const int OffsetInDescription = 8;
    private const int LongestName = 256;
    private const int MostDescriptions = 4096;

    private readonly FileDescriptor _statistics;
    private readonly long _offset;

    private KvmEntryCount(FileDescriptor statistics, long offset)
    {
        _statistics = statistics;
        _offset = offset;
    }

    /// <summary>Finds the count of a vCPU; null on a KVM that does not give it.</summary>
    internal static KvmEntryCount? TryOpen(int vcpu)
    {
        var descriptor = KvmCall.Try(vcpu, KVM_GET_STATS_FD, 0);
        if (descriptor < 0)
        {
            return null;
        }

        var statistics = new FileDescriptor(descriptor);
        if (FindOffset(descriptor) is { } offset)
        {
            return new KvmEntryCount(statistics, offset);
        }

        statistics.Dispose();
        return null;
    }

    /// <summary>The count; null when it cannot be read.</summary>
    internal long? Read()
    {
        long count;
        return Libc.pread(_statistics.Value, &count, sizeof(long), _offset) == sizeof(long) ? count : null;
    }

    public void Dispose() => _statistics.Dispose();

    // Every entry ends in an exit, which is what the statistics count.
    private static long? FindOffset(int descriptor)
    {
        var header = stackalloc byte[HeaderBytes];
        if (Libc.pread(descriptor, header, HeaderBytes, 0) != HeaderBytes)
        {
            return null;
        }

        var fields = new ReadOnlySpan<byte>(header, HeaderBytes);
        var nameBytes = BinaryPrimitives.ReadUInt32LittleEndian(fields[4..]);
        var count = BinaryPrimitives.ReadUInt32LittleEndian(fields[8..]);
        var descriptions = BinaryPrimitives.ReadUInt32LittleEndian(fields[16..]);
        var data = BinaryPrimitives.ReadUInt32LittleEndian(fields[20..]);
        if (nameBytes is 0 or > LongestName || count > MostDescriptions)
        {
            return null;
        }

        var description = stackalloc byte[DescriptionBytes + LongestName];
        var length = DescriptionBytes + (int)nameBytes;
        for (long i = 0; i < count; i++)
        {
            if (Libc.pread(descriptor, description, (nuint)length, descriptions + (i * length)) != length)
            {
                return null;
            }

            var text = new ReadOnlySpan<byte>(description, length);
            if (text[DescriptionBytes..].StartsWith("exits\0"u8))
            {
                return data + BinaryPrimitives.ReadUInt32LittleEndian(text[OffsetInDescription..]);
            }
        }

        return null;
    }
}
