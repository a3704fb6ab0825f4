using System.Security.Cryptography;
using HvRunner.Abstractions;

namespace HvRunner.Machine;

/// <summary>
/// SHA-256 over guest RAM: for each range its start and size as 8 bytes each, little-endian, then its bytes. Two guests with the same hash ended in the same
/// memory. No vCPU runs meanwhile.
/// </summary>
internal static class MemoryHash
{
    private const int PieceBytes = 1 << 20;

    internal static string Of(IGuestMemory memory)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var range in memory.Ranges)
        {
            hash.AppendData(BitConverter.GetBytes(range.Start.Value));
            hash.AppendData(BitConverter.GetBytes(range.SizeBytes));
            for (ulong done = 0; done < range.SizeBytes; done += PieceBytes)
            {
                var length = (int)Math.Min(PieceBytes, range.SizeBytes - done);
                if (memory.TryGetReadOnlySpan(range.Start + done, length, out var piece))
                {
                    hash.AppendData(piece);
                }
            }
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
