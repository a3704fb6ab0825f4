using HvRunner.Hardware.Tests.Forms;
using HvRunner.Hardware.Tests.Guest;
using HvRunner.Hardware.Tests.Instances;
using Iced.Intel;

namespace HvRunner.Hardware.Tests.Comparison;

/// <summary>
/// What an instruction that saves x87 state writes and processors differ in: the last x87 instruction, operand and opcode; MXCSR_MASK, which on
/// AMD has the bit of misaligned SSE mode; the reserved end of the FXSAVE area (SDM vol. 1, 8.1.10 and 10.5.1). In memory, these bytes of ours
/// are replaced by the hardware's before memory is compared.
/// </summary>
internal static class SavedImage
{
    private const int FrameBytes = 33 * 8;
    private const int ImageBytes = 832;
    private const int TailBytes = 16;

    public static void Equalize(Instance instance, in ProcessorImage input, bool faulted, ReadOnlySpan<byte> hardware, Span<byte> ours)
    {
        if (instance.Decoded.Mnemonic == Mnemonic.Enter && faulted)
        {
            // What it pushed before it came to the page that faults may stay there.
            Take(input.General[4] - FrameBytes, 0, FrameBytes, hardware, ours);
        }

        if (instance.Decoded.Mnemonic is Mnemonic.Maskmovq or Mnemonic.Maskmovdqu && faulted)
        {
            var isShort = instance.Decoded.Op0Kind == OpKind.MemorySegEDI;
            Take(isShort ? (uint)input.General[7] : input.General[7], 0, 16, hardware, ours);
        }

        if (HardwareHost.IsIntel && instance.IsValid)
        {
            EqualizeOnIntel(instance, input, faulted, hardware, ours);
        }

        switch (instance.Decoded.Mnemonic)
        {
            case Mnemonic.Fxsave or Mnemonic.Fxsave64 or Mnemonic.Xsave or Mnemonic.Xsave64 or Mnemonic.Xsavec or Mnemonic.Xsavec64 or Mnemonic.Xsaveopt or Mnemonic.Xsaveopt64:
                Take(instance.Address, 6, 18, hardware, ours);
                Take(instance.Address, 28, 4, hardware, ours);
                Take(instance.Address, 416, 96, hardware, ours);
                break;
            case Mnemonic.Fnstenv or Mnemonic.Fnsave when instance.Decoded.Code is Code.Fnstenv_m28byte or Code.Fnsave_m108byte:
                Take(instance.Address, 12, 16, hardware, ours);
                break;
            case Mnemonic.Fnstenv or Mnemonic.Fnsave:
                Take(instance.Address, 6, 8, hardware, ours);
                break;
        }
    }

    /// <summary>What goes with <see cref="IntelChoices"/>.</summary>
    private static void EqualizeOnIntel(Instance instance, in ProcessorImage input, bool faulted, ReadOnlySpan<byte> hardware, Span<byte> ours)
    {
        if (faulted && instance.Decoded.FlowControl == FlowControl.IndirectCall)
        {
            // A call to where no code can be pushes before it says so.
            Take(input.General[4] - 8, 0, 8, hardware, ours);
        }
        else if (faulted)
        {
            // One of the two has stored what the other has not, and has gone on to a tail that may push.
            Take(input.General[4] - TailBytes, 0, TailBytes, hardware, ours);
            Take(instance.Address, 0, IntelChoices.IsImage(instance.Decoded.Mnemonic) ? ImageBytes : 16, hardware, ours);
        }
        else if (UndefinedResults.HasUndefinedDestination(instance.Decoded, input))
        {
            // The address was aimed by way of the register with the count.
            Take(instance.Address, 0, 2, hardware, ours);
        }
    }

    private static void Take(ulong target, int offset, int length, ReadOnlySpan<byte> hardware, Span<byte> ours)
    {
        for (var i = 0; i < length; i++)
        {
            if (StateAim.TryPhysical(target + (ulong)(offset + i), 1, out var physical))
            {
                ours[physical] = hardware[physical];
            }
        }
    }
}
