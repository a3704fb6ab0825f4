// Exchanges, bit operations and bit scans: which handler, for which operands.
using Iced.Intel;

namespace HvRunner.Instructions;

internal sealed unsafe partial class Translator
{
    private bool EmitExchange(in Instruction instruction, ref Operation op)
    {
        if (instruction.Op0Kind == OpKind.Memory)
        {
            return EmitMemoryExchange(in instruction, ref op);
        }

        // XCHG with memory may name the register first.
        if (instruction.Op1Kind != OpKind.Register || instruction.Mnemonic != Mnemonic.Xchg)
        {
            return false;
        }

        op.A = (byte)OffsetOf(instruction.Op0Register);
        op.B = (byte)OffsetOf(instruction.Op1Register);
        op.Handler = WidthOfRegister(instruction.Op0Register) switch
        {
            0 => &Handlers.ExchangeRegisters<Byte8>,
            1 => &Handlers.ExchangeRegisters<Word16>,
            2 => &Handlers.ExchangeRegisters<Dword32>,
            _ => &Handlers.ExchangeRegisters<Qword64>,
        };
        return true;
    }

    private bool EmitMemoryExchange(in Instruction instruction, ref Operation op)
    {
        if (!TryRegister(instruction.Op1Register, out op.A) || SetAddress(in instruction, ref op) == AddressKind.None)
        {
            return false;
        }

        op.Handler = (instruction.Mnemonic, WidthOfMemory(in instruction)) switch
        {
            (Mnemonic.Cmpxchg, 0) => &Handlers.CompareExchange<Byte8, Fast>,
            (Mnemonic.Cmpxchg, 1) => &Handlers.CompareExchange<Word16, Fast>,
            (Mnemonic.Cmpxchg, 2) => &Handlers.CompareExchange<Dword32, Fast>,
            (Mnemonic.Cmpxchg, _) => &Handlers.CompareExchange<Qword64, Fast>,
            (Mnemonic.Xadd, 0) => &Handlers.ExchangeAdd<Byte8, Fast>,
            (Mnemonic.Xadd, 1) => &Handlers.ExchangeAdd<Word16, Fast>,
            (Mnemonic.Xadd, 2) => &Handlers.ExchangeAdd<Dword32, Fast>,
            (Mnemonic.Xadd, _) => &Handlers.ExchangeAdd<Qword64, Fast>,
            (_, 0) => &Handlers.ExchangeMemory<Byte8, Fast>,
            (_, 1) => &Handlers.ExchangeMemory<Word16, Fast>,
            (_, 2) => &Handlers.ExchangeMemory<Dword32, Fast>,
            _ => &Handlers.ExchangeMemory<Qword64, Fast>,
        };
        _flags = instruction.Mnemonic switch
        {
            Mnemonic.Cmpxchg => FlagState.Difference,
            Mnemonic.Xadd => FlagState.Sum,
            _ => _flags,
        };
        return true;
    }

    private bool EmitBit(in Instruction instruction, ref Operation op) => instruction.Mnemonic switch
    {
        Mnemonic.Bt => EmitBit<KeepBit>(in instruction, ref op),
        Mnemonic.Bts => EmitBit<SetBit>(in instruction, ref op),
        Mnemonic.Btr => EmitBit<ResetBit>(in instruction, ref op),
        _ => EmitBit<ComplementBit>(in instruction, ref op),
    };

    private bool EmitBit<TBit>(in Instruction instruction, ref Operation op)
        where TBit : struct, IBitOperation
    {
        var width = instruction.Op0Kind == OpKind.Memory ? WidthOfMemory(in instruction) : WidthOfRegister(instruction.Op0Register);
        var done = width switch
        {
            1 => EmitBit<TBit, Word16>(in instruction, ref op),
            2 => EmitBit<TBit, Dword32>(in instruction, ref op),
            3 => EmitBit<TBit, Qword64>(in instruction, ref op),
            _ => false,
        };
        if (done)
        {
            _flags = FlagState.Unknown;
        }

        return done;
    }

    private bool EmitBit<TBit, TWidth>(in Instruction instruction, ref Operation op)
        where TBit : struct, IBitOperation
        where TWidth : struct, IWidth
    {
        var byRegister = instruction.Op1Kind == OpKind.Register;
        if (!byRegister && !TryImmediate(in instruction, 1, out op.Immediate))
        {
            return false;
        }

        if (instruction.Op0Kind == OpKind.Register)
        {
            op.A = (byte)OffsetOf(instruction.Op0Register);
            op.B = byRegister ? (byte)OffsetOf(instruction.Op1Register) : (byte)0;
            op.Handler = byRegister ? &Handlers.BitOfRegisterByRegister<TBit, TWidth> : &Handlers.BitOfRegister<TBit, TWidth>;
            return true;
        }

        // The string's far end wraps at 4 GiB with 32-bit addresses; that is the executor's.
        if (SetAddress(in instruction, ref op) == AddressKind.None || (byRegister && (op.D & AnyAddress.Address32) != 0))
        {
            return false;
        }

        op.A = byRegister ? (byte)OffsetOf(instruction.Op1Register) : (byte)0;
        op.Handler = byRegister ? &Handlers.BitOfString<TBit, TWidth, Fast> : &Handlers.BitOfMemory<TBit, TWidth, Fast>;
        return true;
    }

    private bool EmitScan(in Instruction instruction, ref Operation op)
    {
        var width = WidthOfRegister(instruction.Op0Register);
        if (instruction.Op1Kind != OpKind.Register || width < 2)
        {
            return false;
        }

        op.A = (byte)OffsetOf(instruction.Op0Register);
        op.B = (byte)OffsetOf(instruction.Op1Register);
        op.Handler = (instruction.Mnemonic, width) switch
        {
            (Mnemonic.Bsf, 2) => &Handlers.ScanBits<Dword32, Yes>,
            (Mnemonic.Bsf, _) => &Handlers.ScanBits<Qword64, Yes>,
            (_, 2) => &Handlers.ScanBits<Dword32, No>,
            _ => &Handlers.ScanBits<Qword64, No>,
        };
        _flags = FlagState.Logic;
        return true;
    }
}
