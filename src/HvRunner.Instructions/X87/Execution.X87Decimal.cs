// Packed decimal: FBLD and FBSTP (SDM vol. 1, 4.7 and 8.2.2; vol. 2). Nine bytes of two digits each, least significant first, and a sign byte.
// A digit above 9 is undefined by the manual: it counts with its value.
using System.Buffers.Binary;
using Iced.Intel;

namespace HvRunner.Instructions;

internal ref partial struct Execution<TMemory, THost>
{
    private const int DecimalSize = 10;

    private Outcome ExecuteX87Decimal() => _instruction.Mnemonic switch
    {
        Mnemonic.Fbld => LoadX87Decimal(),
        Mnemonic.Fbstp => StoreX87Decimal(),
        _ => Outcome.Elsewhere,
    };

    private Outcome LoadX87Decimal()
    {
        if (!TryBeginX87(true) || !TryLocate(MemorySegment, EffectiveAddress(), DecimalSize, 8, Access.Read, out var span))
        {
            return Outcome.Fault;
        }

        Span<byte> bytes = stackalloc byte[16];
        ReadSpan(span, bytes[..DecimalSize]);
        NoteX87Pointers();
        long value = 0;
        for (var i = DecimalSize - 2; i >= 0; i--)
        {
            value = (value * 100) + (10 * (bytes[i] >> 4)) + (bytes[i] & 15);
        }

        PushStack(FloatInteger.FromInteger(value) with { Negative = (bytes[DecimalSize - 1] & 0x80) != 0 }, FloatExceptions.None);
        return Outcome.Done;
    }

    private Outcome StoreX87Decimal()
    {
        const long Limit = 1_000_000_000_000_000_000;
        if (!TryBeginX87(true) || !TryLocate(MemorySegment, EffectiveAddress(), DecimalSize, 8, Access.Write, out var span))
        {
            return Outcome.Fault;
        }

        NoteX87Pointers();
        Span<byte> bytes = stackalloc byte[16];
        bytes.Clear();
        var context = X87Context(false);
        var isEmpty = IsEmpty(0);
        long integer = 0;
        var negative = false;
        if (!isEmpty)
        {
            var value = ReadStack(0);
            negative = value.Negative;
            integer = Math.Abs(Math.Max(FloatInteger.ToInteger(value, 8, context.Rounding, ref context), -long.MaxValue));
            if (integer >= Limit)
            {
                context.Raised = FloatExceptions.Invalid;
                context.RoundedUp = false;
            }
        }

        if (isEmpty ? SignalStackFault(false) : SignalX87Result(context))
        {
            return Outcome.Done;
        }

        if (isEmpty || (context.Raised & FloatExceptions.Invalid) != FloatExceptions.None)
        {
            // The packed decimal indefinite.
            BinaryPrimitives.WriteUInt32BigEndian(bytes[6..], 0x00c0_ffff);
        }
        else
        {
            for (var i = 0; i < DecimalSize - 1; i++)
            {
                var pair = (int)(integer % 100);
                integer /= 100;
                bytes[i] = (byte)(((pair / 10) << 4) | (pair % 10));
            }

            bytes[DecimalSize - 1] = negative ? (byte)0x80 : (byte)0;
        }

        WriteSpan(span, bytes[..DecimalSize]);
        PopStack();
        return Outcome.Done;
    }
}
