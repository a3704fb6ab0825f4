// MUL, IMUL, DIV, IDIV and MULX (SDM vol. 1, 7.3.2.3; vol. 2). After a multiplication SF, ZF, AF and PF are undefined and left alone. After a
// division all status flags are undefined: as on AMD processors CF and OF stay, AF is set and the others are clear.
using HvRunner.Abstractions;
using Iced.Intel;

namespace HvRunner.Instructions;

internal ref partial struct Execution<TMemory, THost>
{
    private Outcome ExecuteMultiplyDivide() => _instruction.Mnemonic switch
    {
        Mnemonic.Mul => MultiplyWide(false),
        Mnemonic.Imul => _instruction.OpCount == 1 ? MultiplyWide(true) : MultiplyTruncated(),
        Mnemonic.Mulx => MultiplyWithoutFlags(),
        Mnemonic.Div => Divide(false),
        Mnemonic.Idiv => Divide(true),
        _ => Outcome.Elsewhere,
    };

    private readonly void SetCarryAndOverflow(bool set) =>
        _state.Rflags = set ? _state.Rflags | Flag.Carry | Flag.Overflow : _state.Rflags & ~(Flag.Carry | Flag.Overflow);

    private Outcome MultiplyWide(bool signed)
    {
        if (!TryRead(0, out var source))
        {
            return Outcome.Fault;
        }

        var size = OperandSize(0);
        var left = _state[GeneralRegister.Rax] & Width.Mask(size);
        UInt128 product;
        if (signed)
        {
            product = (UInt128)((Int128)(long)Width.SignExtend(left, size) * (long)Width.SignExtend(source, size));
        }
        else
        {
            product = (UInt128)left * source;
        }

        var low = (ulong)product & Width.Mask(size);
        var high = (ulong)(product >> (8 * size)) & Width.Mask(size);
        if (size == 1)
        {
            WriteRegister(Register.AX, (ushort)product);
        }
        else
        {
            WriteRegister(Accumulator(size), low);
            WriteRegister(Accumulator(size) + 2, high);
        }

        SetCarryAndOverflow(signed ? product != (UInt128)(Int128)(long)Width.SignExtend(low, size) : high != 0);
        return Outcome.Done;
    }

    /// <summary>AX, EAX or RAX; RDX's form is two further on.</summary>
    private static Register Accumulator(int size) => size switch { 1 => Register.AL, 2 => Register.AX, 4 => Register.EAX, _ => Register.RAX };

    private Outcome MultiplyTruncated()
    {
        var last = _instruction.OpCount - 1;
        if (!TryRead(last - 1, out var left) || !TryRead(last, out var right))
        {
            return Outcome.Fault;
        }

        var size = OperandSize(0);
        var product = (Int128)(long)Width.SignExtend(left, size) * (long)Width.SignExtend(right, size);
        var result = (ulong)product & Width.Mask(size);
        WriteRegister(_instruction.Op0Register, result);
        SetCarryAndOverflow(product != (long)Width.SignExtend(result, size));
        return Outcome.Done;
    }

    private Outcome MultiplyWithoutFlags()
    {
        if (!TryRead(2, out var source))
        {
            return Outcome.Fault;
        }

        var size = OperandSize(0);
        var product = (UInt128)(_state[GeneralRegister.Rdx] & Width.Mask(size)) * source;

        // With both destinations the same register the high half wins.
        WriteRegister(_instruction.Op1Register, (ulong)product & Width.Mask(size));
        WriteRegister(_instruction.Op0Register, (ulong)(product >> (8 * size)) & Width.Mask(size));
        return Outcome.Done;
    }

    private Outcome Divide(bool signed)
    {
        if (!TryRead(0, out var divisor))
        {
            return Outcome.Fault;
        }

        if (divisor == 0)
        {
            return Raise(ExceptionVector.DivideError);
        }

        var size = OperandSize(0);
        var bits = 8 * size;
        UInt128 dividend = size == 1
            ? (ushort)_state[GeneralRegister.Rax]
            : ((UInt128)(_state[GeneralRegister.Rdx] & Width.Mask(size)) << bits) | (_state[GeneralRegister.Rax] & Width.Mask(size));
        ulong quotient, remainder;
        if (signed)
        {
            var unused = 128 - (2 * bits);
            var left = (Int128)(dividend << unused) >> unused;
            var right = (Int128)(long)Width.SignExtend(divisor, size);

            // The one quotient that Int128 itself cannot hold does not fit the destination either.
            if (left == Int128.MinValue && right == -1)
            {
                return Raise(ExceptionVector.DivideError);
            }

            var (wide, rest) = Int128.DivRem(left, right);
            if (wide != (long)Width.SignExtend((ulong)wide & Width.Mask(size), size))
            {
                return Raise(ExceptionVector.DivideError);
            }

            quotient = (ulong)wide;
            remainder = (ulong)rest;
        }
        else
        {
            var (wide, rest) = UInt128.DivRem(dividend, divisor);
            if (wide > Width.Mask(size))
            {
                return Raise(ExceptionVector.DivideError);
            }

            quotient = (ulong)wide;
            remainder = (ulong)rest;
        }

        _state.Rflags = (_state.Rflags & ~(Flag.Sign | Flag.Zero | Flag.Parity)) | Flag.Adjust;
        if (size == 1)
        {
            WriteRegister(Register.AX, (byte)quotient | ((remainder & 0xff) << 8));
        }
        else
        {
            WriteRegister(Accumulator(size), quotient & Width.Mask(size));
            WriteRegister(Accumulator(size) + 2, remainder & Width.Mask(size));
        }

        return Outcome.Done;
    }
}
