using System.Buffers.Binary;
using HvRunner.Hardware.Tests.Forms;
using HvRunner.Hardware.Tests.Guest;
using HvRunner.Hardware.Tests.Instances;
using Iced.Intel;

namespace HvRunner.Hardware.Tests.Comparison;

/// <summary>
/// Compares what became of one instance. Not compared, because processors differ and software cannot rely on it: undefined flags; RF in the
/// pushed flags; NT, which a software-assisted KVM loses; the x87's last instruction, operand and opcode (AMD keeps them for every instruction, Intel for unmasked exceptions alone);
/// the last bits of transcendental functions; all but the first bits of RCP and RSQRT.
/// </summary>
internal static class Comparer
{
    private const ulong Resume = 0x1_0000;
    private const ulong NestedTask = 0x4000;
    private const ulong PagePresent = 1;
    private const int StackFault = 12;
    private const int SingleStep = 1;
    private const int UndefinedOpcode = 6;
    private const int GeneralProtection = 13;
    private const int PageFault = 14;
    private const int AlignmentCheck = 17;

    private static readonly string[] Names =
        ["rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"];

    /// <summary>The differences in words, hardware first; empty when there are none.</summary>
    public static string Differences(Instance instance, in ProcessorImage input, in ProcessorImage hardware, in ProcessorImage ours, bool isWholeMachine)
    {
        if (IsProcessorsChoice(instance, input, hardware, ours) || (isWholeMachine && IsLostInEmulator(instance, hardware, ours)))
        {
            return "";
        }

        if (hardware.Vector != ours.Vector)
        {
            return $"{Ending(hardware)} against {Ending(ours)}";
        }

        var shapeOnly = FormTable.UseOf(instance.Decoded) == FormUse.ShapeOnly;
        var faulted = hardware.Vector < ProcessorImage.NoException;
        var differences = new List<string>();
        if (faulted)
        {
            Check(differences, "rip", hardware.Rip, ours.Rip);
            if (hardware.Vector != PageFault)
            {
                Check(differences, "error", hardware.ErrorCode, ours.ErrorCode);
            }
            else if (!MayFaultElsewhere(instance, hardware.Cr2))
            {
                var seen = isWholeMachine || !IsOfSupervisor(hardware.Cr2) ? ulong.MaxValue : ~PagePresent;
                Check(differences, "error", hardware.ErrorCode & seen, ours.ErrorCode & seen);
                Check(differences, "cr2", hardware.Cr2, ours.Cr2);
            }
        }

        if (shapeOnly && (!faulted || hardware.Rip != instance.Start))
        {
            return string.Join(", ", differences);
        }

        for (var i = 0; i < 16; i++)
        {
            var seen = IntelChoices.Seen(instance, i);
            Check(differences, Names[i], hardware.General[i] & seen, ours.General[i] & seen);
        }

        var mask = ~Resume & ~NestedTask & ~(UndefinedResults.Flags(instance.Decoded, input, hardware) & ~instance.DefinedByTail) & ~instance.UndefinedByTail;
        if (!IntelChoices.RestoresFlags(instance, faulted))
        {
            Check(differences, "rflags", hardware.Rflags & mask, ours.Rflags & mask);
        }

        Check(differences, "fsbase", hardware.FsBase, ours.FsBase);
        if (isWholeMachine || !faulted || hardware.GsBase != 0 || !IsOfSupervisor(ours.GsBase))
        {
            // Where Linux itself has no FSGSBASE, an exception takes a base in its own half away from a process.
            Check(differences, "gsbase", hardware.GsBase, ours.GsBase);
        }

        if (faulted && instance.IsValid && instance.Decoded.Mnemonic == Mnemonic.Maskmovq)
        {
            // The real processor has already gone over to MMX state when the page is not there.
            return string.Join(", ", differences);
        }

        Span<byte> entered = stackalloc byte[512];
        if (IntelChoices.TryEnterMmx(instance, faulted, ours.Fx, entered) && FloatState.AreSame(hardware.Fx, entered))
        {
            return string.Join(", ", differences);
        }

        FloatState.Compare(differences, instance.Decoded, hardware.Fx, ours.Fx);
        return string.Join(", ", differences);
    }

    /// <summary>What processors may do one way or another: how much of an undefined instruction they read, and which of several faults they report.</summary>
    private static bool IsProcessorsChoice(Instance instance, in ProcessorImage input, in ProcessorImage hardware, in ProcessorImage ours)
    {
        if (!instance.IsValid)
        {
            // Of some undefined forms (MOV to CS, MOVNTI with a prefix) the real processor reads the rest, or the operand, before it says so.
            // Or it says so at once where the decoder asks for an operand first.
            return hardware.Rip == instance.Start && (ours.Vector is GeneralProtection or PageFault ? hardware.Vector == UndefinedOpcode : ours.Vector == UndefinedOpcode &&
                hardware.Vector is GeneralProtection or StackFault or PageFault);
        }

        if (IntelChoices.Covers(instance, input, hardware, ours))
        {
            return true;
        }

        if (instance.Decoded.Mnemonic is Mnemonic.Popf or Mnemonic.Popfq && hardware.Vector == SingleStep)
        {
            // Another instance shares the bytes and left TF in them; the trap is not the instruction's.
            return true;
        }

        if (hardware.Vector is GeneralProtection or StackFault && hardware.Rip == instance.Start && instance.Decoded.Code == Code.Movsxd_r16_rm16 && instance.Address >= GuestLayout.TopPage)
        {
            // The 32 bits that AMD's reads may end where canonical addresses do.
            return true;
        }

        if (hardware.Vector is PageFault or AlignmentCheck && hardware.Rip == instance.Start && instance.Decoded.Code is Code.Maskmovq_rDI_mm_mm or Code.Maskmovdqu_rDI_xmm_xmm or Code.Movsxd_r16_rm16)
        {
            // The processor may ask for the bytes that the mask leaves out, all of them included; AMD's reads 32 bits for MOVSXD to a 16-bit register.
            return instance.Decoded.Code == Code.Movsxd_r16_rm16 || ours.Vector == PageFault || ours.Vector == ProcessorImage.NoException || ours.Rip != instance.Start;
        }

        if (hardware.Vector is PageFault or AlignmentCheck && ours.Vector is PageFault or AlignmentCheck && hardware.Rip == ours.Rip &&
            instance.Decoded.Mnemonic is Mnemonic.Cmpsb or Mnemonic.Cmpsw or Mnemonic.Cmpsd or Mnemonic.Cmpsq)
        {
            // Each operand faults in its own way. AMD's takes the second first, but for REPE CMPSB.
            return true;
        }

        if (instance.Decoded.Mnemonic is Mnemonic.Ud0 or Mnemonic.Ud1 && hardware.Vector == UndefinedOpcode && ours.Vector == PageFault)
        {
            // Whether it has a ModRM byte to fetch is the processor's choice.
            return true;
        }

        if (hardware.Vector is GeneralProtection or StackFault && ours.Vector == PageFault && hardware.Rip == ours.Rip)
        {
            // AMD's processors want the offset canonical by itself before FS's or GS's base is added; the SDM asks for the sum alone (vol. 1, 3.3.7).
            return !IsCanonical(ours.Cr2 - (instance.Decoded.MemorySegment switch { Register.FS => input.FsBase, Register.GS => input.GsBase, _ => 0UL }));
        }

        if (ours.Vector is not (GeneralProtection or StackFault) || hardware.Vector is not (StackFault or PageFault or AlignmentCheck) || hardware.Rip != ours.Rip)
        {
            return false;
        }

        // A call may look at the stack before it looks at where it goes; and an operand that ends beyond canonical addresses may be taken in parts, the first of
        // them on a page that is missing.
        return instance.Decoded.FlowControl == FlowControl.IndirectCall || (hardware.Vector != StackFault && instance.Address >= GuestLayout.TopPage);
    }

    /// <summary>
    /// A #GP or #SS in ring 3 is taken by a software-assisted KVM, which tries the instruction in its own emulator: that knows few SSE instructions and raises #UD
    /// for the others, does not check alignment, reports page faults of its own, and takes FS and GS bases from an old copy. What stands behind such a fault of
    /// ours is therefore not the processor's answer; that a valid instruction did not go through natively is all that can be seen.
    /// </summary>
    private static bool IsLostInEmulator(Instance instance, in ProcessorImage hardware, in ProcessorImage ours) =>
        IntelChoices.ReadsItsOwnPush(instance, ours) ||
        (hardware.Vector == UndefinedOpcode && ours.Vector == PageFault && ours.Cr2 >> 63 != 0 && hardware.Rip == ours.Rip) ||
        (ours.Vector is GeneralProtection or StackFault && ours.Rip == instance.Start && hardware.Rip == instance.Start &&
        hardware.Vector < ProcessorImage.NoException && !(hardware.Vector == UndefinedOpcode && instance.Decoded.HasLockPrefix));

    private static bool IsCanonical(ulong address) => (ulong)((long)(address << 16) >> 16) == address;

    /// <summary>Pages that ring 3 finds present in the guest and absent in a process, and what is beyond a process's addresses, of which Linux always says that something is there.</summary>
    private static bool IsOfSupervisor(ulong address)
    {
        foreach (var region in PageMap.Regions(hasTopPage: false))
        {
            if (region.Kind == PageKind.Supervisor && address - region.Linear < (ulong)region.Bytes)
            {
                return true;
            }
        }

        return address >= GuestLayout.TopPage;
    }

    /// <summary>Where several bytes of operands fault, which of them CR2 names is the processor's choice: images, and where a mask leaves bytes out.</summary>
    private static bool MayFaultElsewhere(Instance instance, ulong address)
    {
        if (!instance.IsValid)
        {
            return false;
        }

        return instance.Decoded.Mnemonic switch
        {
            Mnemonic.Fxsave or Mnemonic.Fxsave64 or Mnemonic.Fxrstor or Mnemonic.Fxrstor64 or Mnemonic.Xsave or Mnemonic.Xsave64 or Mnemonic.Xsavec or
                Mnemonic.Xsavec64 or Mnemonic.Xsaveopt or Mnemonic.Xsaveopt64 or Mnemonic.Xrstor or Mnemonic.Xrstor64 or
                Mnemonic.Fnsave or Mnemonic.Frstor or Mnemonic.Fnstenv or Mnemonic.Fldenv => (uint)(address - instance.Address) < 1024,
            Mnemonic.Maskmovq or Mnemonic.Maskmovdqu => true,
            _ => false,
        };
    }

    public static string Ending(in ProcessorImage image) => image.Vector switch
    {
        ProcessorImage.NoException => "no exception",
        ProcessorImage.Unsupported => "unsupported",
        ProcessorImage.Endless => "endless",
        _ => $"exception {image.Vector} ({image.ErrorCode:x}) at {image.Rip:x}{(image.Vector == PageFault ? $" cr2 {image.Cr2:x}" : "")}",
    };

    /// <summary>Everything that the instance began with, in one line.</summary>
    public static string Describe(Instance instance, in ProcessorImage input)
    {
        var registers = new string[16];
        for (var i = 0; i < 16; i++)
        {
            registers[i] = $"{Names[i]}={input.General[i]:x}";
        }

        Span<byte> fx = stackalloc byte[512];
        ((ReadOnlySpan<byte>)input.Fx).CopyTo(fx);
        var vectors = new List<string>();
        foreach (var (name, register, size) in RegistersOf(instance.Decoded, fx))
        {
            vectors.Add($"{name}={Convert.ToHexStringLower(fx.Slice(register, size))}");
        }

        return $"{Convert.ToHexStringLower(instance.Code)}+{Convert.ToHexStringLower(instance.Tail)} {Text(instance)} | {string.Join(' ', registers)} rflags={input.Rflags:x} rip={input.Rip:x} fs={input.FsBase:x} gs={input.GsBase:x} " +
            $"fcw={BinaryPrimitives.ReadUInt16LittleEndian(fx):x} fsw={BinaryPrimitives.ReadUInt16LittleEndian(fx[2..]):x} ftw={fx[4]:x} " +
            $"mxcsr={BinaryPrimitives.ReadUInt32LittleEndian(fx[24..]):x} {string.Join(' ', vectors)} target={instance.Target:x}";
    }

    public static string Text(Instance instance) => instance.IsValid ? $"{instance.Decoded} [{instance.Decoded.Code}]" : "(invalid)";

    private static List<(string Name, int Offset, int Size)> RegistersOf(Instruction instruction, Span<byte> fx)
    {
        var found = new List<(string, int, int)>();
        for (var i = 0; i < instruction.OpCount; i++)
        {
            var register = instruction.GetOpKind(i) == OpKind.Register ? instruction.GetOpRegister(i) : Register.None;
            if (register.IsXMM())
            {
                found.Add((register.ToString(), 160 + (16 * (register - Register.XMM0)), 16));
            }
            else if (register.IsMM())
            {
                found.Add((register.ToString(), 32 + (16 * (register - Register.MM0)), 10));
            }
        }

        if (instruction.Mnemonic.ToString().StartsWith('F') && fx.Length != 0)
        {
            for (var i = 0; i < 8; i++)
            {
                found.Add(($"st{i}", 32 + (16 * i), 10));
            }
        }

        return found;
    }

    private static void Check(List<string> differences, string name, ulong hardware, ulong ours)
    {
        if (hardware != ours)
        {
            differences.Add($"{name} {hardware:x} against {ours:x}");
        }
    }
}
