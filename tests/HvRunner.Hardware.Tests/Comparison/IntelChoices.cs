using System.Buffers.Binary;
using HvRunner.Hardware.Tests.Guest;
using HvRunner.Hardware.Tests.Instances;
using Iced.Intel;

namespace HvRunner.Hardware.Tests.Comparison;

/// <summary>
/// Where Intel's processors do otherwise than AMD's, which ours follows where it does not ask for the maker (<c>ProcessorFeatures.FollowsIntel</c>). Found on a Xeon of the
/// third generation; software cannot rely on any of it. Nothing here holds where the host's processor is another maker's.
/// </summary>
internal static class IntelChoices
{
    private const int StackFault = 12;
    private const int GeneralProtection = 13;
    private const int PageFault = 14;
    private const int AlignmentCheck = 17;
    private const int Registers = 32;
    private const int RegisterStride = 16;
    private const byte TopOfStack = 0x38;
    private const ushort Summary = 0x80;

    /// <summary>The two end in different ways, and both may.</summary>
    public static bool Covers(Instance instance, in ProcessorImage input, in ProcessorImage hardware, in ProcessorImage ours)
    {
        if (!HardwareHost.IsIntel)
        {
            return false;
        }

        if (instance.Decoded.Code == Code.Pause && (instance.Bytes[instance.Length - 2] & 0xf1) == 0x41)
        {
            // PAUSE, with REX.B as well: the SDM has the exchange with R8 there (vol. 2, "XCHG").
            return true;
        }

        if (ClearsUpperHalves(instance) && instance.TailLength != 0)
        {
            // What the tail makes of such registers, and of flags that come from them, is that of other values.
            return true;
        }

        if (FloatState.IsTranscendental(instance.Decoded.Mnemonic) && IsSmallest(input.Fx))
        {
            // The smallest normal number, or as large with an exponent of 0: whether the result underflows hangs on its last bit, and with it, unmasked, all of it.
            return true;
        }

        if (ours.Vector >= ProcessorImage.NoException || ours.Rip != instance.Start)
        {
            return false;
        }

        return instance.Decoded.Mnemonic switch
        {
            // 16 bytes that need not be aligned are not looked at with alignment checks on, or only at multiples of less (SDM vol. 2, "MOVUPS", and vol. 3, 6.15).
            _ when MayBeUnaligned(instance.Decoded.Mnemonic) => ours.Vector == AlignmentCheck,

            // A store that an unmasked exception stops does not look at its memory.
            _ when IsStoppedStore(instance.Decoded, hardware) => hardware.Vector == ProcessorImage.NoException || hardware.Rip != instance.Start,

            // 16 bits are read, not 64.
            Mnemonic.Pop when instance.Decoded.Op0Register is Register.FS or Register.GS =>
                ours.Vector is StackFault or PageFault or AlignmentCheck,

            // Which of two faults comes first: what is popped is not aligned, and not all of it is canonical.
            Mnemonic.Ret or Mnemonic.Pop or Mnemonic.Popf or Mnemonic.Popfq => hardware.Rip == ours.Rip && ours.Vector == StackFault && hardware.Vector == AlignmentCheck,

            // Parts of an image that are not asked for are not touched. Which of several faults comes first: the image is not aligned, for which #AC may stand in place of #GP
            // (SDM vol. 2, "XSAVE"), its address not canonical.
            _ when IsImage(instance.Decoded.Mnemonic) => ours.Vector == PageFault ||
                (hardware.Rip == ours.Rip && ours.Vector is GeneralProtection or StackFault && hardware.Vector is GeneralProtection or StackFault or AlignmentCheck),
            _ => false,
        };
    }

    /// <summary>
    /// A call has pushed before it finds out that no code can be where it goes, and may so have written over the operand that says where: a software-assisted KVM, which then
    /// tries it in its own emulator, reads the new one.
    /// </summary>
    public static bool ReadsItsOwnPush(Instance instance, in ProcessorImage ours) =>
        HardwareHost.IsIntel && instance.IsValid && instance.Decoded.FlowControl == FlowControl.IndirectCall && ours.Vector == GeneralProtection && ours.Rip == instance.Start;

    /// <summary>A repetition with addresses of 32 bits clears the upper halves of RCX, RSI and RDI even where nothing is repeated, or nothing yet.</summary>
    public static bool ClearsUpperHalves(Instance instance) =>
        HardwareHost.IsIntel && instance.IsValid && instance.Decoded.IsStringInstruction && (instance.Decoded.HasRepPrefix || instance.Decoded.HasRepnePrefix) &&
        instance.Code.Contains((byte)0x67);

    /// <summary>A repeated comparison that faults leaves the flags that it began with (SDM vol. 2, "REP/REPE/REPZ/REPNE/REPNZ"), AMD's those of the last comparison.</summary>
    public static bool RestoresFlags(Instance instance, bool faulted) => HardwareHost.IsIntel && faulted && instance.IsValid &&
        instance.Decoded.Mnemonic is Mnemonic.Scasb or Mnemonic.Scasw or Mnemonic.Scasd or Mnemonic.Scasq or Mnemonic.Cmpsb or Mnemonic.Cmpsw or Mnemonic.Cmpsd or Mnemonic.Cmpsq;

    /// <summary>The bits of a register that have to agree.</summary>
    public static ulong Seen(Instance instance, int register) => register is 1 or 6 or 7 && ClearsUpperHalves(instance) ? uint.MaxValue : ulong.MaxValue;

    /// <summary>DPPS and DPPD choose among several NaNs in an order of their own.</summary>
    public static bool ChoosesNan(in Instruction instruction) => HardwareHost.IsIntel && !instruction.IsInvalid && instruction.Mnemonic is Mnemonic.Dpps or Mnemonic.Dppd;

    /// <summary>An MMX instruction that faults has already put the x87 stack's top to 0: does so to an image of ours.</summary>
    public static bool TryEnterMmx(Instance instance, bool faulted, ReadOnlySpan<byte> ours, Span<byte> entered)
    {
        if (!HardwareHost.IsIntel || !faulted || !instance.IsValid || !UsesMmx(instance.Decoded))
        {
            return false;
        }

        ours.CopyTo(entered);
        var top = (ours[3] & TopOfStack) >> 3;
        entered[3] &= unchecked((byte)~TopOfStack);
        for (var i = 0; i < 8; i++)
        {
            ours.Slice(Registers + (RegisterStride * i), RegisterStride).CopyTo(entered[(Registers + (RegisterStride * ((i + top) % 8)))..]);
        }

        return true;
    }

    private static bool IsSmallest(ReadOnlySpan<byte> image) =>
        (BinaryPrimitives.ReadUInt16LittleEndian(image[(Registers + 8)..]) & 0x7fff) <= 1 && (image[Registers + 7] & 0x80) != 0;

    private static bool MayBeUnaligned(Mnemonic mnemonic) => mnemonic is Mnemonic.Movups or Mnemonic.Movupd or Mnemonic.Movdqu or Mnemonic.Lddqu or
        Mnemonic.Pcmpestri or Mnemonic.Pcmpestrm or Mnemonic.Pcmpistri or Mnemonic.Pcmpistrm or
        Mnemonic.Pcmpestri64 or Mnemonic.Pcmpestrm64;

    private static bool IsStoppedStore(in Instruction instruction, in ProcessorImage hardware) => instruction.Mnemonic is Mnemonic.Fist or Mnemonic.Fistp or Mnemonic.Fisttp or
        Mnemonic.Fbstp or Mnemonic.Fst or Mnemonic.Fstp && (BinaryPrimitives.ReadUInt16LittleEndian(((ReadOnlySpan<byte>)hardware.Fx)[2..]) & Summary) != 0;

    /// <summary>It saves or restores an image of 512 bytes or more.</summary>
    public static bool IsImage(Mnemonic mnemonic) => mnemonic is Mnemonic.Fxsave or Mnemonic.Fxsave64 or Mnemonic.Fxrstor or Mnemonic.Fxrstor64 or
        Mnemonic.Xsave or Mnemonic.Xsave64 or Mnemonic.Xsavec or Mnemonic.Xsavec64 or Mnemonic.Xsaveopt or Mnemonic.Xsaveopt64 or Mnemonic.Xrstor or Mnemonic.Xrstor64;

    private static bool UsesMmx(in Instruction instruction)
    {
        for (var i = 0; i < instruction.OpCount; i++)
        {
            if (instruction.GetOpKind(i) == OpKind.Register && instruction.GetOpRegister(i).IsMM())
            {
                return true;
            }
        }

        return false;
    }
}
