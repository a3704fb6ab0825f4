using System.Runtime.Intrinsics;
using Iced.Intel;

namespace HvRunner.Instructions;

/// <summary>
/// Interleaving, packing with saturation, shuffles and shifts on 16 bytes (SDM vol. 1, 9.4.3 to 9.4.6, 11.4.1.2, 12.6.3, 12.10).
/// </summary>
internal static class PackedShuffle
{
    /// <summary>Unpack, pack, byte shuffle and horizontal additions of two operands.</summary>
    public static bool TryInterleave(Mnemonic mnemonic, Vector128<byte> a, Vector128<byte> b, out Vector128<byte> result)
    {
        switch (mnemonic)
        {
            case Mnemonic.Punpcklbw or Mnemonic.Vpunpcklbw:
                result = Interleave(a, b, 1, false);
                return true;
            case Mnemonic.Punpcklwd or Mnemonic.Vpunpcklwd:
                result = Interleave(a, b, 2, false);
                return true;
            case Mnemonic.Punpckldq or Mnemonic.Vpunpckldq or Mnemonic.Unpcklps or Mnemonic.Vunpcklps:
                result = Interleave(a, b, 4, false);
                return true;
            case Mnemonic.Punpcklqdq or Mnemonic.Vpunpcklqdq or Mnemonic.Unpcklpd or Mnemonic.Vunpcklpd:
                result = Interleave(a, b, 8, false);
                return true;
            case Mnemonic.Punpckhbw or Mnemonic.Vpunpckhbw:
                result = Interleave(a, b, 1, true);
                return true;
            case Mnemonic.Punpckhwd or Mnemonic.Vpunpckhwd:
                result = Interleave(a, b, 2, true);
                return true;
            case Mnemonic.Punpckhdq or Mnemonic.Vpunpckhdq or Mnemonic.Unpckhps or Mnemonic.Vunpckhps:
                result = Interleave(a, b, 4, true);
                return true;
            case Mnemonic.Punpckhqdq or Mnemonic.Vpunpckhqdq or Mnemonic.Unpckhpd or Mnemonic.Vunpckhpd:
                result = Interleave(a, b, 8, true);
                return true;
            case Mnemonic.Packsswb or Mnemonic.Vpacksswb:
                result = PackWords(a, b, sbyte.MinValue, sbyte.MaxValue);
                return true;
            case Mnemonic.Packuswb or Mnemonic.Vpackuswb:
                result = PackWords(a, b, byte.MinValue, byte.MaxValue);
                return true;
            case Mnemonic.Packssdw or Mnemonic.Vpackssdw:
                result = PackDoublewords(a, b, short.MinValue, short.MaxValue);
                return true;
            case Mnemonic.Packusdw or Mnemonic.Vpackusdw:
                result = PackDoublewords(a, b, ushort.MinValue, ushort.MaxValue);
                return true;
            case Mnemonic.Pshufb or Mnemonic.Vpshufb:
                // An index beyond the end gives 0, as bit 7 of the selector asks.
                result = Vector128.Shuffle(a, b & Vector128.Create((byte)0x8f));
                return true;
            case Mnemonic.Phaddw or Mnemonic.Vphaddw or Mnemonic.Phsubw or Mnemonic.Vphsubw:
                result = Horizontal16(a, b, mnemonic is Mnemonic.Phsubw or Mnemonic.Vphsubw, false);
                return true;
            case Mnemonic.Phaddsw or Mnemonic.Vphaddsw or Mnemonic.Phsubsw or Mnemonic.Vphsubsw:
                result = Horizontal16(a, b, mnemonic is Mnemonic.Phsubsw or Mnemonic.Vphsubsw, true);
                return true;
            case Mnemonic.Phaddd or Mnemonic.Vphaddd or Mnemonic.Phsubd or Mnemonic.Vphsubd:
                result = Horizontal32(a, b, mnemonic is Mnemonic.Phsubd or Mnemonic.Vphsubd);
                return true;
            default:
                result = default;
                return false;
        }
    }

    /// <summary>Elements of <paramref name="size"/> bytes in turn from the lower or upper halves of both operands.</summary>
    private static Vector128<byte> Interleave(Vector128<byte> a, Vector128<byte> b, int size, bool upper)
    {
        if (upper)
        {
            // The upper halves moved down; what is above does not matter.
            a = Vector128.CreateScalar(a.AsUInt64().GetElement(1)).AsByte();
            b = Vector128.CreateScalar(b.AsUInt64().GetElement(1)).AsByte();
        }

        return size switch
        {
            1 => (Vector128.WidenLower(a) | (Vector128.WidenLower(b) << 8)).AsByte(),
            2 => (Vector128.WidenLower(a.AsUInt16()) | (Vector128.WidenLower(b.AsUInt16()) << 16)).AsByte(),
            4 => (Vector128.WidenLower(a.AsUInt32()) | (Vector128.WidenLower(b.AsUInt32()) << 32)).AsByte(),
            _ => Vector128.Create(a.AsUInt64().ToScalar(), b.AsUInt64().ToScalar()).AsByte(),
        };
    }

    private static Vector128<byte> PackWords(Vector128<byte> a, Vector128<byte> b, short minimum, short maximum)
    {
        var (low, high) = (Vector128.Create(minimum), Vector128.Create(maximum));
        var first = Vector128.Min(Vector128.Max(a.AsInt16(), low), high);
        var second = Vector128.Min(Vector128.Max(b.AsInt16(), low), high);
        return Vector128.Narrow(first.AsUInt16(), second.AsUInt16());
    }

    private static Vector128<byte> PackDoublewords(Vector128<byte> a, Vector128<byte> b, int minimum, int maximum)
    {
        var (low, high) = (Vector128.Create(minimum), Vector128.Create(maximum));
        var first = Vector128.Min(Vector128.Max(a.AsInt32(), low), high);
        var second = Vector128.Min(Vector128.Max(b.AsInt32(), low), high);
        return Vector128.Narrow(first.AsUInt32(), second.AsUInt32()).AsByte();
    }

    private static Vector128<byte> Horizontal16(Vector128<byte> a, Vector128<byte> b, bool subtract, bool saturates)
    {
        var result = Vector128<short>.Zero;
        for (var i = 0; i < 8; i++)
        {
            var source = (i < 4 ? a : b).AsInt16();
            var (x, y) = (source.GetElement(2 * (i & 3)), source.GetElement((2 * (i & 3)) + 1));
            var sum = subtract ? x - y : x + y;
            result = result.WithElement(i, (short)(saturates ? Math.Clamp(sum, short.MinValue, short.MaxValue) : sum));
        }

        return result.AsByte();
    }

    private static Vector128<byte> Horizontal32(Vector128<byte> a, Vector128<byte> b, bool subtract)
    {
        var result = Vector128<int>.Zero;
        for (var i = 0; i < 4; i++)
        {
            var source = (i < 2 ? a : b).AsInt32();
            var (x, y) = (source.GetElement(2 * (i & 1)), source.GetElement((2 * (i & 1)) + 1));
            result = result.WithElement(i, subtract ? x - y : x + y);
        }

        return result.AsByte();
    }

    public static bool IsShift(Mnemonic mnemonic) => mnemonic is Mnemonic.Psllw or Mnemonic.Pslld or Mnemonic.Psllq or Mnemonic.Psrlw or
        Mnemonic.Psrld or Mnemonic.Psrlq or Mnemonic.Psraw or Mnemonic.Psrad or Mnemonic.Vpsllw or Mnemonic.Vpslld or Mnemonic.Vpsllq or
        Mnemonic.Vpsrlw or Mnemonic.Vpsrld or Mnemonic.Vpsrlq or Mnemonic.Vpsraw or Mnemonic.Vpsrad;

    /// <summary>Shifts of all elements by one count; counts beyond the width give zeros, or sign bits.</summary>
    public static bool TryShift(Mnemonic mnemonic, Vector128<byte> a, ulong count, out Vector128<byte> result)
    {
        var amount = (int)Math.Min(count, 255);
        Vector128<byte>? value = mnemonic switch
        {
            Mnemonic.Psllw or Mnemonic.Vpsllw => amount > 15 ? default : (a.AsUInt16() << amount).AsByte(),
            Mnemonic.Pslld or Mnemonic.Vpslld => amount > 31 ? default : (a.AsUInt32() << amount).AsByte(),
            Mnemonic.Psllq or Mnemonic.Vpsllq => amount > 63 ? default : (a.AsUInt64() << amount).AsByte(),
            Mnemonic.Psrlw or Mnemonic.Vpsrlw => amount > 15 ? default : (a.AsUInt16() >> amount).AsByte(),
            Mnemonic.Psrld or Mnemonic.Vpsrld => amount > 31 ? default : (a.AsUInt32() >> amount).AsByte(),
            Mnemonic.Psrlq or Mnemonic.Vpsrlq => amount > 63 ? default : (a.AsUInt64() >> amount).AsByte(),
            Mnemonic.Psraw or Mnemonic.Vpsraw => (a.AsInt16() >> Math.Min(amount, 15)).AsByte(),
            Mnemonic.Psrad or Mnemonic.Vpsrad => (a.AsInt32() >> Math.Min(amount, 31)).AsByte(),
            _ => null,
        };
        result = value ?? default;
        return value is not null;
    }

    /// <summary>The 32 bytes of high:low from <paramref name="start"/> on; zeros beyond them. PALIGNR, and with a zero operand the byte shifts.</summary>
    public static Vector128<byte> Align(Vector128<byte> high, Vector128<byte> low, int start)
    {
        Span<byte> bytes = stackalloc byte[48];
        low.CopyTo(bytes);
        high.CopyTo(bytes[16..]);
        Vector128<byte>.Zero.CopyTo(bytes[32..]);
        return Vector128.Create<byte>(bytes.Slice(Math.Min(start, 32), 16));
    }

    /// <summary>Elements of <paramref name="size"/> bytes from b where the control has a bit set, else from a.</summary>
    public static Vector128<byte> Blend(Vector128<byte> a, Vector128<byte> b, int control, int size)
    {
        Span<byte> mask = stackalloc byte[16];
        for (var i = 0; i < 16; i++)
        {
            mask[i] = (control & (1 << (i / size))) != 0 ? (byte)0xff : (byte)0;
        }

        return Vector128.ConditionalSelect(Vector128.Create<byte>(mask), b, a);
    }

    /// <summary>Four doublewords chosen by two bits of <paramref name="control"/> each; the first two from a, the others from b.</summary>
    public static Vector128<byte> Choose32(Vector128<byte> a, Vector128<byte> b, int control)
    {
        var first = Pick(a, control) | ((ulong)Pick(a, control >> 2) << 32);
        var second = Pick(b, control >> 4) | ((ulong)Pick(b, control >> 6) << 32);
        return Vector128.Create(first, second).AsByte();
    }

    /// <summary>A doubleword by the two lowest bits of its index, without going through memory as a variable element does.</summary>
    private static uint Pick(Vector128<byte> value, int index) =>
        (uint)(((index & 2) != 0 ? value.AsUInt64().GetElement(1) : value.AsUInt64().ToScalar()) >> (32 * (index & 1)));

    /// <summary>Four words of one half chosen by two bits each; <paramref name="first"/> is 0 or 4.</summary>
    public static Vector128<byte> Choose16(Vector128<byte> a, int control, int first)
    {
        var result = a.AsUInt16();
        for (var i = 0; i < 4; i++)
        {
            result = result.WithElement(first + i, a.AsUInt16().GetElement(first + ((control >> (2 * i)) & 3)));
        }

        return result.AsByte();
    }
}
