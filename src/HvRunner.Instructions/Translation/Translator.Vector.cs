// 128-bit vectors: which handler, for which operands.
using Iced.Intel;

namespace HvRunner.Instructions;

internal sealed unsafe partial class Translator
{
    private bool EmitVector(in Instruction instruction, ref Operation op)
    {
        switch (instruction.Code)
        {
            case Code.Movaps_xmm_xmmm128 or Code.Movapd_xmm_xmmm128 or Code.Movdqa_xmm_xmmm128:
                return EmitVectorLoad(in instruction, ref op, 15);
            case Code.Movups_xmm_xmmm128 or Code.Movupd_xmm_xmmm128 or Code.Movdqu_xmm_xmmm128 or Code.Lddqu_xmm_m128:
                return EmitVectorLoad(in instruction, ref op, 0);
            case Code.Movaps_xmmm128_xmm or Code.Movapd_xmmm128_xmm or Code.Movdqa_xmmm128_xmm or Code.Movntdq_m128_xmm or Code.Movntps_m128_xmm:
                return EmitVectorStore(in instruction, ref op, 15);
            case Code.Movups_xmmm128_xmm or Code.Movupd_xmmm128_xmm or Code.Movdqu_xmmm128_xmm:
                return EmitVectorStore(in instruction, ref op, 0);
            case Code.Pxor_xmm_xmmm128 or Code.Xorps_xmm_xmmm128 or Code.Xorpd_xmm_xmmm128:
                return EmitVectorBinary<VectorXor>(in instruction, ref op);
            case Code.Por_xmm_xmmm128 or Code.Orps_xmm_xmmm128 or Code.Orpd_xmm_xmmm128:
                return EmitVectorBinary<VectorOr>(in instruction, ref op);
            case Code.Pand_xmm_xmmm128 or Code.Andps_xmm_xmmm128 or Code.Andpd_xmm_xmmm128:
                return EmitVectorBinary<VectorAnd>(in instruction, ref op);
            case Code.Pandn_xmm_xmmm128 or Code.Andnps_xmm_xmmm128 or Code.Andnpd_xmm_xmmm128:
                return EmitVectorBinary<VectorAndNot>(in instruction, ref op);
            case Code.Paddb_xmm_xmmm128:
                return EmitVectorBinary<VectorAdd<byte>>(in instruction, ref op);
            case Code.Paddw_xmm_xmmm128:
                return EmitVectorBinary<VectorAdd<ushort>>(in instruction, ref op);
            case Code.Paddd_xmm_xmmm128:
                return EmitVectorBinary<VectorAdd<uint>>(in instruction, ref op);
            case Code.Paddq_xmm_xmmm128:
                return EmitVectorBinary<VectorAdd<ulong>>(in instruction, ref op);
            case Code.Psubb_xmm_xmmm128:
                return EmitVectorBinary<VectorSubtract<byte>>(in instruction, ref op);
            case Code.Psubw_xmm_xmmm128:
                return EmitVectorBinary<VectorSubtract<ushort>>(in instruction, ref op);
            case Code.Psubd_xmm_xmmm128:
                return EmitVectorBinary<VectorSubtract<uint>>(in instruction, ref op);
            case Code.Psubq_xmm_xmmm128:
                return EmitVectorBinary<VectorSubtract<ulong>>(in instruction, ref op);
            case Code.Pcmpeqb_xmm_xmmm128:
                return EmitVectorBinary<VectorEqual<byte>>(in instruction, ref op);
            case Code.Pcmpeqw_xmm_xmmm128:
                return EmitVectorBinary<VectorEqual<ushort>>(in instruction, ref op);
            case Code.Pcmpeqd_xmm_xmmm128:
                return EmitVectorBinary<VectorEqual<uint>>(in instruction, ref op);
            case Code.Pcmpgtb_xmm_xmmm128:
                return EmitVectorBinary<VectorGreater<sbyte>>(in instruction, ref op);
            case Code.Pcmpgtd_xmm_xmmm128:
                return EmitVectorBinary<VectorGreater<int>>(in instruction, ref op);
            case Code.Pminub_xmm_xmmm128:
                return EmitVectorBinary<VectorMinimum>(in instruction, ref op);
            case Code.Pmaxub_xmm_xmmm128:
                return EmitVectorBinary<VectorMaximum>(in instruction, ref op);
            case Code.Punpckldq_xmm_xmmm128:
                return EmitVectorBinary<VectorInterleaveLow32>(in instruction, ref op);
            case Code.Punpcklqdq_xmm_xmmm128:
                return EmitVectorBinary<VectorInterleaveLow64>(in instruction, ref op);
            case Code.Punpckhqdq_xmm_xmmm128:
                return EmitVectorBinary<VectorInterleaveHigh64>(in instruction, ref op);
            case Code.Pshufb_xmm_xmmm128:
                return EmitVectorBinary<VectorShuffleBytes>(in instruction, ref op);
            case Code.Pshufd_xmm_xmmm128_imm8:
                return EmitVectorImmediate<VectorShuffle32>(in instruction, ref op);
            case Code.Pslld_xmm_imm8:
                return EmitVectorImmediate<VectorShiftLeft32>(in instruction, ref op);
            case Code.Psrld_xmm_imm8:
                return EmitVectorImmediate<VectorShiftRight32>(in instruction, ref op);
            case Code.Psllq_xmm_imm8:
                return EmitVectorImmediate<VectorShiftLeft64>(in instruction, ref op);
            case Code.Psrlq_xmm_imm8:
                return EmitVectorImmediate<VectorShiftRight64>(in instruction, ref op);
            case Code.Pmovmskb_r32_xmm or Code.Pmovmskb_r64_xmm:
                op.A = (byte)OffsetOf(instruction.Op0Register);
                op.B = VectorNumber(instruction.Op1Register);
                return Set(ref op, &Handlers.VectorMask);
            default:
                return EmitVectorScalar(in instruction, ref op);
        }
    }

    private bool EmitVectorScalar(in Instruction instruction, ref Operation op)
    {
        switch (instruction.Code)
        {
            case Code.Movd_xmm_rm32:
                return EmitVectorFrom<Dword32>(in instruction, ref op);
            case Code.Movq_xmm_rm64 or Code.Movq_xmm_xmmm64 when instruction.Op1Kind == OpKind.Memory || instruction.Op1Register.IsGPR64():
                return EmitVectorFrom<Qword64>(in instruction, ref op);
            case Code.Movd_rm32_xmm:
                return EmitVectorTo<Dword32>(in instruction, ref op);
            case Code.Movq_rm64_xmm or Code.Movq_xmmm64_xmm when instruction.Op0Kind == OpKind.Memory || instruction.Op0Register.IsGPR64():
                return EmitVectorTo<Qword64>(in instruction, ref op);
            default:
                return false;
        }
    }

    private bool EmitVectorFrom<TWidth>(in Instruction instruction, ref Operation op)
        where TWidth : struct, IWidth
    {
        op.A = VectorNumber(instruction.Op0Register);
        if (instruction.Op1Kind == OpKind.Register)
        {
            op.B = (byte)OffsetOf(instruction.Op1Register);
            return Set(ref op, &Handlers.VectorFromRegister<TWidth>);
        }

        return SetAddress(in instruction, ref op) != AddressKind.None && Set(ref op, &Handlers.VectorFromMemory<TWidth, Fast>);
    }

    private bool EmitVectorTo<TWidth>(in Instruction instruction, ref Operation op)
        where TWidth : struct, IWidth
    {
        if (instruction.Op0Kind == OpKind.Register)
        {
            op.A = (byte)OffsetOf(instruction.Op0Register);
            op.B = VectorNumber(instruction.Op1Register);
            return Set(ref op, &Handlers.VectorToRegister<TWidth>);
        }

        op.A = VectorNumber(instruction.Op1Register);
        return SetAddress(in instruction, ref op) != AddressKind.None && Set(ref op, &Handlers.VectorToMemory<TWidth, Fast>);
    }

    private bool EmitVectorLoad(in Instruction instruction, ref Operation op, int alignment)
    {
        if (instruction.Op1Kind == OpKind.Register)
        {
            return EmitVectorBinary<VectorMove>(in instruction, ref op);
        }

        op.A = VectorNumber(instruction.Op0Register);
        op.Immediate = alignment;
        return SetAddress(in instruction, ref op) != AddressKind.None && Set(ref op, &Handlers.VectorMoveLoad<Fast>);
    }

    private bool EmitVectorStore(in Instruction instruction, ref Operation op, int alignment)
    {
        if (instruction.Op0Kind == OpKind.Register)
        {
            return EmitVectorBinary<VectorMove>(in instruction, ref op);
        }

        op.A = VectorNumber(instruction.Op1Register);
        op.Immediate = alignment;
        return SetAddress(in instruction, ref op) != AddressKind.None && Set(ref op, &Handlers.VectorMoveStore<Fast>);
    }

    private bool EmitVectorBinary<TVector>(in Instruction instruction, ref Operation op)
        where TVector : struct, IVectorBinary
    {
        op.A = VectorNumber(instruction.Op0Register);
        if (instruction.Op1Kind == OpKind.Register)
        {
            op.B = VectorNumber(instruction.Op1Register);
            return Set(ref op, &Handlers.VectorRegisters<TVector>);
        }

        return SetAddress(in instruction, ref op) != AddressKind.None && Set(ref op, &Handlers.VectorLoad<TVector, Fast>);
    }

    /// <summary>PSHUFD names its source; a shift works on its target.</summary>
    private static bool EmitVectorImmediate<TVector>(in Instruction instruction, ref Operation op)
        where TVector : struct, IVectorImmediate
    {
        var hasSource = instruction.OpCount == 3;
        if (hasSource && instruction.Op1Kind != OpKind.Register)
        {
            return false;
        }

        op.A = VectorNumber(instruction.Op0Register);
        op.B = hasSource ? VectorNumber(instruction.Op1Register) : op.A;
        op.Immediate = instruction.Immediate8;
        return Set(ref op, &Handlers.VectorImmediate<TVector>);
    }

    private static byte VectorNumber(Register register) => (byte)(register - Register.XMM0);
}
