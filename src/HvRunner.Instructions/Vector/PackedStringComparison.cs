using System.Runtime.Intrinsics;

namespace HvRunner.Instructions;

/// <summary>
/// The comparison of PCMPESTRI, PCMPESTRM, PCMPISTRI and PCMPISTRM (SDM vol. 2, 4.1): every element of one operand against every element of
/// the other, aggregated into one bit an element as the control byte says.
/// </summary>
/// <param name="Control">The immediate byte.</param>
internal readonly record struct PackedStringComparison(int Control)
{
    private bool IsWords => (Control & 1) != 0;

    private bool IsSigned => (Control & 2) != 0;

    /// <summary>Elements of an operand: 16 bytes or 8 words.</summary>
    public int Count => IsWords ? 8 : 16;

    private int Element(Vector128<byte> value, int index) => (IsWords, IsSigned) switch
    {
        (false, false) => value.GetElement(index),
        (false, true) => (sbyte)value.GetElement(index),
        (true, false) => value.AsUInt16().GetElement(index),
        _ => value.AsInt16().GetElement(index),
    };

    /// <summary>The length of a string that ends with a zero element.</summary>
    public int ImplicitLength(Vector128<byte> value)
    {
        var length = 0;
        while (length < Count && Element(value, length) != 0)
        {
            length++;
        }

        return length;
    }

    /// <summary>The length of a string from a register: its magnitude, at most the operand's.</summary>
    public int ExplicitLength(long register) => register > -Count && register < Count ? (int)Math.Abs(register) : Count;

    /// <summary>IntRes2: the result bits after aggregation and polarity.</summary>
    public uint Compare(Vector128<byte> first, int firstLength, Vector128<byte> second, int secondLength)
    {
        uint result = 0;
        for (var j = 0; j < Count; j++)
        {
            var bit = ((Control >> 2) & 3) switch
            {
                0 => IsAnyEqual(first, firstLength, second, secondLength, j),
                1 => IsInRange(first, firstLength, second, secondLength, j),
                2 => IsEqualEach(first, firstLength, second, secondLength, j),
                _ => IsSubstringAt(first, firstLength, second, secondLength, j),
            };
            result |= bit ? 1u << j : 0;
        }

        var all = (1u << Count) - 1;
        return ((Control >> 4) & 3) switch
        {
            1 => result ^ all,
            3 => result ^ ((1u << secondLength) - 1),
            _ => result,
        };
    }

    private bool IsAnyEqual(Vector128<byte> first, int firstLength, Vector128<byte> second, int secondLength, int j)
    {
        for (var i = 0; i < firstLength && j < secondLength; i++)
        {
            if (Element(first, i) == Element(second, j))
            {
                return true;
            }
        }

        return false;
    }

    private bool IsInRange(Vector128<byte> first, int firstLength, Vector128<byte> second, int secondLength, int j)
    {
        for (var i = 0; i + 1 < firstLength && j < secondLength; i += 2)
        {
            if (Element(second, j) >= Element(first, i) && Element(second, j) <= Element(first, i + 1))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Two elements behind both ends count as equal, one of them as different.</summary>
    private bool IsEqualEach(Vector128<byte> first, int firstLength, Vector128<byte> second, int secondLength, int j) =>
        j < firstLength && j < secondLength ? Element(first, j) == Element(second, j) : j >= firstLength && j >= secondLength;

    /// <summary>The first string, or what of it fits, stands in the second from element j on.</summary>
    private bool IsSubstringAt(Vector128<byte> first, int firstLength, Vector128<byte> second, int secondLength, int j)
    {
        for (var i = 0; i < firstLength && i + j < Count; i++)
        {
            if (i + j >= secondLength || Element(first, i) != Element(second, i + j))
            {
                return false;
            }
        }

        return true;
    }
}
