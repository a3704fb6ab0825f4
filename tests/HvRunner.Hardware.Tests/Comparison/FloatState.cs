using System.Buffers.Binary;
using Iced.Intel;

namespace HvRunner.Hardware.Tests.Comparison;

/// <summary>Compares two FXSAVE images (SDM vol. 1, 10.5.1) after one instruction.</summary>
internal static class FloatState
{
    private const int Registers = 32;
    private const int XmmRegisters = 160;
    private const ushort Underflow = 0x10;
    private const ushort Precision = 0x20;
    private const ushort Summary = 0x8080;
    private const ushort RoundedUp = 0x200;

    public static void Compare(List<string> differences, in Instruction instruction, ReadOnlySpan<byte> hardware, ReadOnlySpan<byte> ours)
    {
        if (AreSame(hardware, ours))
        {
            return;
        }

        var transcendental = !instruction.IsInvalid && IsTranscendental(instruction.Mnemonic);
        var ignored = instruction.IsInvalid ? 0 : UndefinedResults.Conditions(instruction, hardware);
        if (transcendental)
        {
            // Whether a tiny result counts as inexact depends on the last bits, too.
            ignored |= Underflow | Precision | RoundedUp | Summary;
        }

        Check(differences, "fcw", hardware, ours, 0, 2, ulong.MaxValue);
        Check(differences, "fsw", hardware, ours, 2, 2, ~(ulong)ignored);
        Check(differences, "ftw", hardware, ours, 4, 1, ulong.MaxValue);
        Check(differences, "mxcsr", hardware, ours, 24, 4, ~(ulong)(HasUnmaskedDenormal(instruction, hardware) ? Underflow | Precision : 0));
        for (var i = 0; i < 8; i++)
        {
            var at = Registers + (16 * i);
            if (!hardware.Slice(at, 16).SequenceEqual(ours.Slice(at, 16)) && !(transcendental && IsNear(hardware[at..], ours[at..])))
            {
                differences.Add($"st{i} {Extended(hardware[at..])} against {Extended(ours[at..])}");
            }
        }

        var estimate = !instruction.IsInvalid && instruction.Mnemonic is Mnemonic.Rcpps or Mnemonic.Rcpss or Mnemonic.Rsqrtps or Mnemonic.Rsqrtss;
        for (var i = 0; i < 16; i++)
        {
            var at = XmmRegisters + (16 * i);
            if (!hardware.Slice(at, 16).SequenceEqual(ours.Slice(at, 16)) && !(estimate && AreNear(hardware.Slice(at, 16), ours[at..])) &&
                !(IntelChoices.ChoosesNan(instruction) && AreNumbersSame(hardware.Slice(at, 16), ours[at..], instruction.Mnemonic == Mnemonic.Dppd)))
            {
                differences.Add($"xmm{i} {Convert.ToHexStringLower(hardware.Slice(at, 16))} against {Convert.ToHexStringLower(ours.Slice(at, 16))}");
            }
        }
    }

    /// <summary>All that is compared is the same in both.</summary>
    public static bool AreSame(ReadOnlySpan<byte> hardware, ReadOnlySpan<byte> ours) =>
        hardware[..6].SequenceEqual(ours[..6]) && hardware[24..28].SequenceEqual(ours[24..28]) && hardware[Registers..416].SequenceEqual(ours[Registers..416]);

    /// <summary>DPPS and DPPD with an unmasked denormal operand: AMD's processors may go on and report what the product or the sum would have raised.</summary>
    private static bool HasUnmaskedDenormal(in Instruction instruction, ReadOnlySpan<byte> image)
    {
        const int denormal = 2;
        var mxcsr = BinaryPrimitives.ReadUInt16LittleEndian(image[24..]);
        return !instruction.IsInvalid && instruction.Mnemonic is Mnemonic.Dppd or Mnemonic.Dpps && (mxcsr & ~(mxcsr >> 7) & denormal) != 0;
    }

    /// <summary>A function whose last bits are the processor's own.</summary>
    public static bool IsTranscendental(Mnemonic mnemonic) => mnemonic is Mnemonic.Fsin or Mnemonic.Fcos or Mnemonic.Fsincos or Mnemonic.Fptan or Mnemonic.Fpatan or
        Mnemonic.F2xm1 or Mnemonic.Fyl2x or Mnemonic.Fyl2xp1;

    /// <summary>Within four units of the last place of 64 bits: the manuals promise one, for the processor that they describe.</summary>
    private static bool IsNear(ReadOnlySpan<byte> hardware, ReadOnlySpan<byte> ours)
    {
        var a = Ordered(hardware);
        var b = Ordered(ours);
        return (a > b ? a - b : b - a) <= 4;
    }

    private static Int128 Ordered(ReadOnlySpan<byte> value)
    {
        var top = BinaryPrimitives.ReadUInt16LittleEndian(value[8..]);
        var significand = BinaryPrimitives.ReadUInt64LittleEndian(value);
        var magnitude = ((Int128)(top & 0x7fff) << 63) + (Int128)(significand & long.MaxValue);
        return (top & 0x8000) != 0 ? -magnitude : magnitude;
    }

    /// <summary>RCP and RSQRT promise a relative error of 1.5 * 2^-12 (SDM vol. 2); two processors may so differ by twice that.</summary>
    private static bool AreNear(ReadOnlySpan<byte> hardware, ReadOnlySpan<byte> ours)
    {
        for (var i = 0; i < 16; i += 4)
        {
            var a = BinaryPrimitives.ReadSingleLittleEndian(hardware[i..]);
            var b = BinaryPrimitives.ReadSingleLittleEndian(ours[i..]);
            var same = BitConverter.SingleToUInt32Bits(a) == BitConverter.SingleToUInt32Bits(b);
            if (!same && !(Math.Abs((double)a - b) <= 3.0 / 4096 * Math.Abs((double)a)))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>The numbers are the same, and where one of the two has a NaN, so has the other.</summary>
    private static bool AreNumbersSame(ReadOnlySpan<byte> hardware, ReadOnlySpan<byte> ours, bool isDouble)
    {
        var size = isDouble ? 8 : 4;
        for (var i = 0; i < 16; i += size)
        {
            if (!hardware.Slice(i, size).SequenceEqual(ours.Slice(i, size)) && !(IsNan(hardware[i..], isDouble) && IsNan(ours[i..], isDouble)))
            {
                return false;
            }
        }

        return true;
    }

    private static bool IsNan(ReadOnlySpan<byte> value, bool isDouble) =>
        isDouble ? double.IsNaN(BinaryPrimitives.ReadDoubleLittleEndian(value)) : float.IsNaN(BinaryPrimitives.ReadSingleLittleEndian(value));

    private static string Extended(ReadOnlySpan<byte> value) =>
        $"{BinaryPrimitives.ReadUInt16LittleEndian(value[8..]):x4}:{BinaryPrimitives.ReadUInt64LittleEndian(value):x16}";

    private static void Check(List<string> differences, string name, ReadOnlySpan<byte> hardware, ReadOnlySpan<byte> ours, int at, int size, ulong mask)
    {
        ulong a = 0;
        ulong b = 0;
        for (var i = size - 1; i >= 0; i--)
        {
            a = (a << 8) | hardware[at + i];
            b = (b << 8) | ours[at + i];
        }

        if (((a ^ b) & mask) != 0)
        {
            differences.Add($"{name} {a:x} against {b:x}");
        }
    }
}
