using System.Numerics;

namespace HvRunner.Instructions;

/// <summary>Between numbers and integers, and comparison (SDM vol. 1, 4.8.4, 8.3.6, 11.4.1.6).</summary>
internal static class FloatInteger
{
    /// <summary>An integer as a number, exact.</summary>
    public static Unpacked FromInteger(long value)
    {
        if (value == 0)
        {
            return Unpacked.Zero(false);
        }

        var magnitude = value < 0 ? 0 - (ulong)value : (ulong)value;
        var zeros = BitOperations.LeadingZeroCount(magnitude);
        return new Unpacked { Kind = FloatKind.Finite, Negative = value < 0, Exponent = 63 - zeros, Significand = magnitude << zeros };
    }

    /// <summary>
    /// Rounds to an integer of <paramref name="size"/> bytes. What does not fit, and NaN, raise invalid and give the integer indefinite.
    /// A denormal raises nothing: conversion to integer does not report it.
    /// </summary>
    public static long ToInteger(in Unpacked value, int size, Rounding rounding, ref FloatContext context)
    {
        var indefinite = long.MinValue >> (64 - (8 * size));
        if (value.Kind == FloatKind.Zero || (value.IsDenormal && context.DenormalsAreZero))
        {
            return 0;
        }

        if (value.Kind != FloatKind.Finite || value.Exponent > 63)
        {
            context.Raised |= FloatExceptions.Invalid;
            return indefinite;
        }

        var magnitude = RoundMagnitude(value, rounding, out var inexact, out var roundedUp);
        var limit = UInt128.One << ((8 * size) - 1);
        if (value.Negative ? magnitude > limit : magnitude >= limit)
        {
            context.Raised |= FloatExceptions.Invalid;
            return indefinite;
        }

        context.Raised |= inexact ? FloatExceptions.Precision : FloatExceptions.None;
        context.RoundedUp = roundedUp;
        return value.Negative ? (long)(0 - (ulong)magnitude) : (long)(ulong)magnitude;
    }

    /// <summary>Rounds to an integral number in the same format (FRNDINT, ROUNDSS).</summary>
    public static Unpacked ToIntegral(Unpacked value, Rounding rounding, ref FloatContext context)
    {
        if (!FloatArithmetic.PrepareOne(ref value, ref context) || value.Kind != FloatKind.Finite || value.Exponent >= 63)
        {
            return value;
        }

        var magnitude = RoundMagnitude(value, rounding, out var inexact, out context.RoundedUp);
        context.Raised |= inexact ? FloatExceptions.Precision : FloatExceptions.None;
        if (magnitude == UInt128.Zero)
        {
            return Unpacked.Zero(value.Negative);
        }

        var length = 128 - (int)UInt128.LeadingZeroCount(magnitude);
        var significand = length > 64 ? Unpacked.IntegerBit : (ulong)magnitude << (64 - length);
        return new Unpacked { Kind = FloatKind.Finite, Negative = value.Negative, Exponent = length - 1, Significand = significand };
    }

    private static UInt128 RoundMagnitude(in Unpacked value, Rounding rounding, out bool inexact, out bool roundedUp)
    {
        // The whole part in the upper half, the fraction in the lower.
        var distance = 63 - value.Exponent;
        var wide = (UInt128)value.Significand << 64;
        var whole = distance < 128 ? wide >> distance : UInt128.Zero;
        var lost = distance >= 128 || (whole << distance) != wide;
        var magnitude = whole >> 64;
        var fraction = (ulong)whole;
        inexact = fraction != 0 || lost;
        roundedUp = rounding switch
        {
            Rounding.Nearest => fraction > Unpacked.IntegerBit || (fraction == Unpacked.IntegerBit && (lost || !UInt128.IsEvenInteger(magnitude))),
            Rounding.Down => value.Negative && inexact,
            Rounding.Up => !value.Negative && inexact,
            _ => false,
        };
        return roundedUp ? magnitude + UInt128.One : magnitude;
    }

    /// <summary>-1, 0, 1, or 2 for unordered. A quiet NaN raises invalid only when <paramref name="signals"/>.</summary>
    public static int Compare(Unpacked left, Unpacked right, bool signals, ref FloatContext context)
    {
        if (left.IsNan || right.IsNan)
        {
            if (signals || left.Kind is FloatKind.SignalingNan or FloatKind.Unsupported ||
                right.Kind is FloatKind.SignalingNan or FloatKind.Unsupported)
            {
                context.Raised |= FloatExceptions.Invalid;
            }

            return 2;
        }

        FloatArithmetic.NoteDenormal(ref left, ref context);
        FloatArithmetic.NoteDenormal(ref right, ref context);
        if (left.Kind == FloatKind.Zero && right.Kind == FloatKind.Zero)
        {
            return 0;
        }

        if (left.Kind == FloatKind.Zero || right.Kind == FloatKind.Zero || left.Negative != right.Negative)
        {
            var leftSign = left.Kind == FloatKind.Zero ? 0 : left.Negative ? -1 : 1;
            var rightSign = right.Kind == FloatKind.Zero ? 0 : right.Negative ? -1 : 1;
            return leftSign.CompareTo(rightSign);
        }

        var magnitude = left.Kind == right.Kind
            ? left.Kind == FloatKind.Infinity ? 0 : CompareFinite(left, right)
            : left.Kind == FloatKind.Infinity ? 1 : -1;
        return left.Negative ? -magnitude : magnitude;
    }

    private static int CompareFinite(in Unpacked left, in Unpacked right) =>
        left.Exponent != right.Exponent ? left.Exponent.CompareTo(right.Exponent) : left.Significand.CompareTo(right.Significand);
}
