using System.Runtime.Intrinsics;
using Iced.Intel;

namespace HvRunner.Instructions;

/// <summary>
/// Packed operations of two operands on 16 bytes: logic, integer arithmetic, comparison, minimum and maximum, interleaving, packing (SDM
/// vol. 1, 9.4, 11.4.2, 12.6 and 12.10). Wider and narrower instructions are made of this one by their caller.
/// </summary>
internal static class PackedInteger
{
    /// <summary>The result; false when the mnemonic is none of these.</summary>
    public static bool TryApply(Mnemonic mnemonic, Vector128<byte> a, Vector128<byte> b, out Vector128<byte> result)
    {
        Vector128<byte>? value = mnemonic switch
        {
            Mnemonic.Pxor or Mnemonic.Vpxor or Mnemonic.Xorps or Mnemonic.Vxorps or Mnemonic.Xorpd or Mnemonic.Vxorpd => a ^ b,
            Mnemonic.Por or Mnemonic.Vpor or Mnemonic.Orps or Mnemonic.Vorps or Mnemonic.Orpd or Mnemonic.Vorpd => a | b,
            Mnemonic.Pand or Mnemonic.Vpand or Mnemonic.Andps or Mnemonic.Vandps or Mnemonic.Andpd or Mnemonic.Vandpd => a & b,
            Mnemonic.Pandn or Mnemonic.Vpandn or Mnemonic.Andnps or Mnemonic.Vandnps or Mnemonic.Andnpd or Mnemonic.Vandnpd => ~a & b,
            Mnemonic.Paddb or Mnemonic.Vpaddb => a + b,
            Mnemonic.Paddw or Mnemonic.Vpaddw => (a.AsUInt16() + b.AsUInt16()).AsByte(),
            Mnemonic.Paddd or Mnemonic.Vpaddd => (a.AsUInt32() + b.AsUInt32()).AsByte(),
            Mnemonic.Paddq or Mnemonic.Vpaddq => (a.AsUInt64() + b.AsUInt64()).AsByte(),
            Mnemonic.Psubb or Mnemonic.Vpsubb => a - b,
            Mnemonic.Psubw or Mnemonic.Vpsubw => (a.AsUInt16() - b.AsUInt16()).AsByte(),
            Mnemonic.Psubd or Mnemonic.Vpsubd => (a.AsUInt32() - b.AsUInt32()).AsByte(),
            Mnemonic.Psubq or Mnemonic.Vpsubq => (a.AsUInt64() - b.AsUInt64()).AsByte(),
            Mnemonic.Paddusb or Mnemonic.Vpaddusb => a + Vector128.Min(b, ~a),
            Mnemonic.Paddusw or Mnemonic.Vpaddusw => (a.AsUInt16() + Vector128.Min(b.AsUInt16(), ~a.AsUInt16())).AsByte(),
            Mnemonic.Psubusb or Mnemonic.Vpsubusb => Vector128.Max(a, b) - b,
            Mnemonic.Psubusw or Mnemonic.Vpsubusw => (Vector128.Max(a.AsUInt16(), b.AsUInt16()) - b.AsUInt16()).AsByte(),
            Mnemonic.Pmuludq or Mnemonic.Vpmuludq =>
                ((a.AsUInt64() & Vector128.Create((ulong)uint.MaxValue)) * (b.AsUInt64() & Vector128.Create((ulong)uint.MaxValue))).AsByte(),
            Mnemonic.Pmullw or Mnemonic.Vpmullw => (a.AsUInt16() * b.AsUInt16()).AsByte(),
            Mnemonic.Pmulld or Mnemonic.Vpmulld => (a.AsUInt32() * b.AsUInt32()).AsByte(),
            Mnemonic.Pcmpeqb or Mnemonic.Vpcmpeqb => Vector128.Equals(a, b),
            Mnemonic.Pcmpeqw or Mnemonic.Vpcmpeqw => Vector128.Equals(a.AsUInt16(), b.AsUInt16()).AsByte(),
            Mnemonic.Pcmpeqd or Mnemonic.Vpcmpeqd => Vector128.Equals(a.AsUInt32(), b.AsUInt32()).AsByte(),
            Mnemonic.Pcmpeqq or Mnemonic.Vpcmpeqq => Vector128.Equals(a.AsUInt64(), b.AsUInt64()).AsByte(),
            Mnemonic.Pcmpgtb or Mnemonic.Vpcmpgtb => Vector128.GreaterThan(a.AsSByte(), b.AsSByte()).AsByte(),
            Mnemonic.Pcmpgtw or Mnemonic.Vpcmpgtw => Vector128.GreaterThan(a.AsInt16(), b.AsInt16()).AsByte(),
            Mnemonic.Pcmpgtd or Mnemonic.Vpcmpgtd => Vector128.GreaterThan(a.AsInt32(), b.AsInt32()).AsByte(),
            Mnemonic.Pcmpgtq or Mnemonic.Vpcmpgtq => Vector128.GreaterThan(a.AsInt64(), b.AsInt64()).AsByte(),
            Mnemonic.Pminub or Mnemonic.Vpminub => Vector128.Min(a, b),
            Mnemonic.Pminuw or Mnemonic.Vpminuw => Vector128.Min(a.AsUInt16(), b.AsUInt16()).AsByte(),
            Mnemonic.Pminud or Mnemonic.Vpminud => Vector128.Min(a.AsUInt32(), b.AsUInt32()).AsByte(),
            Mnemonic.Pminsb or Mnemonic.Vpminsb => Vector128.Min(a.AsSByte(), b.AsSByte()).AsByte(),
            Mnemonic.Pminsw or Mnemonic.Vpminsw => Vector128.Min(a.AsInt16(), b.AsInt16()).AsByte(),
            Mnemonic.Pminsd or Mnemonic.Vpminsd => Vector128.Min(a.AsInt32(), b.AsInt32()).AsByte(),
            Mnemonic.Pmaxub or Mnemonic.Vpmaxub => Vector128.Max(a, b),
            Mnemonic.Pmaxuw or Mnemonic.Vpmaxuw => Vector128.Max(a.AsUInt16(), b.AsUInt16()).AsByte(),
            Mnemonic.Pmaxud or Mnemonic.Vpmaxud => Vector128.Max(a.AsUInt32(), b.AsUInt32()).AsByte(),
            Mnemonic.Pmaxsb or Mnemonic.Vpmaxsb => Vector128.Max(a.AsSByte(), b.AsSByte()).AsByte(),
            Mnemonic.Pmaxsw or Mnemonic.Vpmaxsw => Vector128.Max(a.AsInt16(), b.AsInt16()).AsByte(),
            Mnemonic.Pmaxsd or Mnemonic.Vpmaxsd => Vector128.Max(a.AsInt32(), b.AsInt32()).AsByte(),
            _ => null,
        };
        if (value is { } found)
        {
            result = found;
            return true;
        }

        return TryApplyByElement(mnemonic, a, b, out result) || PackedShuffle.TryInterleave(mnemonic, a, b, out result);
    }

    /// <summary>The operations that portable vectors have no name for, element by element.</summary>
    private static bool TryApplyByElement(Mnemonic mnemonic, Vector128<byte> a, Vector128<byte> b, out Vector128<byte> result)
    {
        Vector128<byte>? value = mnemonic switch
        {
            Mnemonic.Paddsb or Mnemonic.Vpaddsb => Bytes(a, b, static (x, y) => Math.Clamp((sbyte)x + (sbyte)y, sbyte.MinValue, sbyte.MaxValue)),
            Mnemonic.Psubsb or Mnemonic.Vpsubsb => Bytes(a, b, static (x, y) => Math.Clamp((sbyte)x - (sbyte)y, sbyte.MinValue, sbyte.MaxValue)),
            Mnemonic.Pavgb or Mnemonic.Vpavgb => Bytes(a, b, static (x, y) => (x + y + 1) >> 1),
            Mnemonic.Psignb or Mnemonic.Vpsignb => Bytes(a, b, static (x, y) => (sbyte)x * Math.Sign((sbyte)y)),
            Mnemonic.Paddsw or Mnemonic.Vpaddsw => Words(a, b, static (x, y) => Math.Clamp(x + y, short.MinValue, short.MaxValue)),
            Mnemonic.Psubsw or Mnemonic.Vpsubsw => Words(a, b, static (x, y) => Math.Clamp(x - y, short.MinValue, short.MaxValue)),
            Mnemonic.Pavgw or Mnemonic.Vpavgw => Words(a, b, static (x, y) => ((ushort)x + (ushort)y + 1) >> 1),
            Mnemonic.Pmulhw or Mnemonic.Vpmulhw => Words(a, b, static (x, y) => (x * y) >> 16),
            Mnemonic.Pmulhuw or Mnemonic.Vpmulhuw => Words(a, b, static (x, y) => (int)(((uint)(ushort)x * (ushort)y) >> 16)),
            Mnemonic.Pmulhrsw or Mnemonic.Vpmulhrsw => Words(a, b, static (x, y) => (((x * y) >> 14) + 1) >> 1),
            Mnemonic.Psignw or Mnemonic.Vpsignw => Words(a, b, static (x, y) => x * Math.Sign(y)),
            Mnemonic.Psignd or Mnemonic.Vpsignd => Doublewords(a, b, static (x, y) => unchecked(x * Math.Sign(y))),
            Mnemonic.Pmaddwd or Mnemonic.Vpmaddwd => Doublewords(a, b, static (x, y) =>
                unchecked(((short)x * (short)y) + ((x >> 16) * (y >> 16)))),
            Mnemonic.Pmaddubsw or Mnemonic.Vpmaddubsw => Words(a, b, static (x, y) =>
                Math.Clamp(((byte)x * (sbyte)y) + ((byte)(x >> 8) * (sbyte)(y >> 8)), short.MinValue, short.MaxValue)),
            Mnemonic.Pmuldq or Mnemonic.Vpmuldq => Quadwords(a, b, static (x, y) => (ulong)((long)(int)x * (int)y)),
            Mnemonic.Psadbw or Mnemonic.Vpsadbw => Quadwords(a, b, SumOfDifferences),
            _ => null,
        };
        result = value ?? default;
        return value is not null;
    }

    private static ulong SumOfDifferences(ulong x, ulong y)
    {
        ulong sum = 0;
        for (var i = 0; i < 64; i += 8)
        {
            sum += (ulong)Math.Abs((int)(byte)(x >> i) - (byte)(y >> i));
        }

        return sum;
    }

    public static Vector128<byte> Bytes(Vector128<byte> a, Vector128<byte> b, Func<byte, byte, int> operation)
    {
        for (var i = 0; i < 16; i++)
        {
            a = a.WithElement(i, (byte)operation(a.GetElement(i), b.GetElement(i)));
        }

        return a;
    }

    public static Vector128<byte> Words(Vector128<byte> a, Vector128<byte> b, Func<short, short, int> operation)
    {
        var result = a.AsInt16();
        for (var i = 0; i < 8; i++)
        {
            result = result.WithElement(i, (short)operation(result.GetElement(i), b.AsInt16().GetElement(i)));
        }

        return result.AsByte();
    }

    public static Vector128<byte> Doublewords(Vector128<byte> a, Vector128<byte> b, Func<int, int, int> operation)
    {
        var result = a.AsInt32();
        for (var i = 0; i < 4; i++)
        {
            result = result.WithElement(i, operation(result.GetElement(i), b.AsInt32().GetElement(i)));
        }

        return result.AsByte();
    }

    public static Vector128<byte> Quadwords(Vector128<byte> a, Vector128<byte> b, Func<ulong, ulong, ulong> operation)
    {
        var result = a.AsUInt64();
        for (var i = 0; i < 2; i++)
        {
            result = result.WithElement(i, operation(result.GetElement(i), b.AsUInt64().GetElement(i)));
        }

        return result.AsByte();
    }
}
