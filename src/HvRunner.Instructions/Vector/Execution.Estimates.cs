// RCPPS, RCPSS, RSQRTPS and RSQRTSS (SDM vol. 1, 10.4.1.1; vol. 2 per instruction). They raise no floating-point exception, whatever MXCSR says.
using System.Runtime.Intrinsics;
using Iced.Intel;

namespace HvRunner.Instructions;

internal ref partial struct Execution<TMemory, THost>
{
    private Outcome ExecuteEstimates()
    {
        var (isRoot, isScalar) = _instruction.Mnemonic switch
        {
            Mnemonic.Rcpps or Mnemonic.Vrcpps => (false, false),
            Mnemonic.Rcpss or Mnemonic.Vrcpss => (false, true),
            Mnemonic.Rsqrtps or Mnemonic.Vrsqrtps => (true, false),
            Mnemonic.Rsqrtss or Mnemonic.Vrsqrtss => (true, true),
            _ => ((bool?)null, false),
        };
        if (isRoot is not { } root)
        {
            return Outcome.Elsewhere;
        }

        var last = _instruction.OpCount - 1;
        if (!TryBeginVector() || !TryReadVector(last, out var source))
        {
            return Outcome.Fault;
        }

        Span<byte> input = stackalloc byte[32];
        Span<byte> result = stackalloc byte[32];
        source.CopyTo(input);
        ReadVectorRegister(_instruction.GetOpRegister(isScalar ? last - 1 : 0)).CopyTo(result);
        for (var i = 0; i < (isScalar ? 1 : VectorLength / 4); i++)
        {
            var value = (uint)ReadElement(input, i, 4);
            WriteElement(result, i, 4, root ? FloatEstimate.ReciprocalRoot(value) : FloatEstimate.Reciprocal(value));
        }

        WriteVectorRegister(_instruction.Op0Register, Vector256.Create<byte>(result));
        return Outcome.Done;
    }
}
