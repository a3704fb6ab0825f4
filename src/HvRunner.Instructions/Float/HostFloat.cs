namespace HvRunner.Instructions;

/// <summary>
/// The host's own IEEE 754 arithmetic, used where it provably gives the bits and the flags of SSE: rounding to nearest, all exceptions masked,
/// the precision flag already set (it is sticky, so whether this result is inexact changes nothing), operands normal or zero, result normal
/// and above the smallest binade, where tininess before and after rounding could differ. Everything else goes the exact way in
/// <see cref="FloatArithmetic"/>. A difference of 0 is exact and allowed for additions.
/// </summary>
internal static class HostFloat
{
    /// <summary>MXCSR: rounding to nearest, everything masked, precision flag set. The bits for zeroing denormals do not matter here.</summary>
    public static bool Permits(uint mxcsr) => (mxcsr & 0x7fa0) == 0x1fa0;

    /// <summary>False when the exact way has to be gone.</summary>
    public static bool TryApply(FloatOperation operation, bool isDouble, ulong left, ulong right, out ulong result) =>
        isDouble ? TryDouble(operation, left, right, out result) : TrySingle(operation, (uint)left, (uint)right, out result);

    private static bool TryDouble(FloatOperation operation, ulong left, ulong right, out ulong result)
    {
        var (x, y) = (BitConverter.UInt64BitsToDouble(left), BitConverter.UInt64BitsToDouble(right));
        result = BitConverter.DoubleToUInt64Bits(operation switch
        {
            FloatOperation.Add => x + y,
            FloatOperation.Subtract => x - y,
            FloatOperation.Multiply => x * y,
            FloatOperation.Divide => x / y,
            _ => Math.Sqrt(y),
        });
        return IsPlain(right) && (IsPlain(left) || operation == FloatOperation.SquareRoot) &&
            (((result >> 52) + 0x7fe & 0x7ff) < 0x7fd || (result << 1 == 0 && operation <= FloatOperation.Subtract));
    }

    private static bool TrySingle(FloatOperation operation, uint left, uint right, out ulong result)
    {
        var (x, y) = (BitConverter.UInt32BitsToSingle(left), BitConverter.UInt32BitsToSingle(right));
        var bits = BitConverter.SingleToUInt32Bits(operation switch
        {
            FloatOperation.Add => x + y,
            FloatOperation.Subtract => x - y,
            FloatOperation.Multiply => x * y,
            FloatOperation.Divide => x / y,
            _ => MathF.Sqrt(y),
        });
        result = bits;
        return IsPlain(right) && (IsPlain(left) || operation == FloatOperation.SquareRoot) &&
            (((bits >> 23) + 0xfe & 0xff) < 0xfd || (bits << 1 == 0 && operation <= FloatOperation.Subtract));
    }

    /// <summary>A normal number or zero.</summary>
    public static bool IsPlain(ulong bits) => ((bits >> 52) + 0x7ff & 0x7ff) < 0x7fe || bits << 1 == 0;

    /// <summary>A normal number or zero.</summary>
    public static bool IsPlain(uint bits) => ((bits >> 23) + 0xff & 0xff) < 0xfe || bits << 1 == 0;
}
