using HvRunner.Hardware.Tests.Instances;
using HvRunner.Instructions;
using Iced.Intel;

namespace HvRunner.Hardware.Tests.Forms;

/// <summary>What the comparison does with an instruction form.</summary>
internal enum FormUse
{
    /// <summary>Run on both, everything defined must agree.</summary>
    Compared,

    /// <summary>Run on both; its result is another one each time, so only whether it faults and what it leaves alone must agree.</summary>
    ShapeOnly,

    /// <summary>Advertised, and not run here, for a reason.</summary>
    LeftOut,

    /// <summary>Not in the processor's CPUID: raises #UD with us, and is not run on the hardware.</summary>
    NotAdvertised,
}

/// <summary>One instruction form of 64-bit mode.</summary>
/// <param name="Code">The decoder's name for it.</param>
/// <param name="Use">What is done with it.</param>
/// <param name="Reason">Why it is left out; else empty.</param>
internal readonly record struct Form(Code Code, FormUse Use, string Reason);

/// <summary>Every form of 64-bit mode that the decoder knows, judged by CPUID feature and privilege.</summary>
internal static class FormTable
{
    private const string HostTables = "selectors are looked up in the host's tables";
    private const string NoSystemCalls = "system calls and software interrupts go to the host's kernel from a process, and get lost on a software-assisted KVM";
    private const string Emulated = "a software-assisted KVM completes it in its own emulator";
    private const string Privileged = "for ring 0 alone; see guests/processor";

    private static readonly ulong[] Permitted = ReadPermitted();

    /// <summary>All forms, by code.</summary>
    public static IReadOnlyDictionary<Code, Form> All { get; } =
        Enum.GetValues<Code>().Where(IsForm).Distinct().ToDictionary(code => code, Judge);

    /// <summary>Those that run on both processors.</summary>
    public static Code[] Run { get; } =
        [.. All.Values.Where(form => form.Use is FormUse.Compared or FormUse.ShapeOnly).Select(form => form.Code).Order()];

    /// <summary>What to do with an instruction that was decoded from any bytes.</summary>
    public static FormUse UseOf(in Instruction instruction) =>
        instruction.IsInvalid ? FormUse.Compared : All.TryGetValue(instruction.Code, out var form) ? form.Use : FormUse.NotAdvertised;

    private static bool IsForm(Code code)
    {
        var opCode = code.ToOpCode();
        return opCode is { IsInstruction: true, Mode64: true, IntelDecoder64: true, DecoderOption: DecoderOptions.None, Fwait: false } && opCode.Mnemonic != Mnemonic.INVALID;
    }

    /// <summary>CPUID of our processor has its features, or it is one of those that do nothing on a processor without them.</summary>
    private static bool IsAdvertised(Code code) => (Permitted[(int)code >> 6] >> (int)code & 1) != 0 || FeatureGate.IsHint(code);

    private static ulong[] ReadPermitted()
    {
        var host = default(UserHost);
        return FeatureGate.ReadPermitted(ref host);
    }

    private static Form Judge(Code code)
    {
        if (!IsAdvertised(code))
        {
            return new Form(code, FormUse.NotAdvertised, "");
        }

        var reason = ReasonToLeaveOut(code);
        if (reason.Length != 0)
        {
            return new Form(code, FormUse.LeftOut, reason);
        }

        var opCode = code.ToOpCode();
        var shape = opCode.Mnemonic is Mnemonic.Rdtsc or Mnemonic.Rdtscp or Mnemonic.Rdrand or Mnemonic.Rdseed or Mnemonic.Rdpid or Mnemonic.Cpuid or Mnemonic.Xgetbv;
        return new Form(code, shape ? FormUse.ShapeOnly : FormUse.Compared, "");
    }

    private static string ReasonToLeaveOut(Code code)
    {
        var opCode = code.ToOpCode();
        switch (opCode.Mnemonic)
        {
            case Mnemonic.Int or Mnemonic.Int1 or Mnemonic.Int3 or Mnemonic.Syscall or Mnemonic.Sysenter or Mnemonic.Sysret or Mnemonic.Sysexit or Mnemonic.Sysretq or Mnemonic.Sysexitq:
                return NoSystemCalls;
            case Mnemonic.Iret or Mnemonic.Iretd or Mnemonic.Iretq or Mnemonic.Retf or Mnemonic.Lar or Mnemonic.Lsl or Mnemonic.Verr or Mnemonic.Verw or
                Mnemonic.Sldt or Mnemonic.Str or Mnemonic.Sgdt or Mnemonic.Sidt:
                return HostTables;
            case Mnemonic.Call or Mnemonic.Jmp when code.ToOpCode().ToString().Contains("m16:", StringComparison.Ordinal):
                return HostTables;
            case Mnemonic.Reservednop when code is Code.Reservednop_rm16_r16_0F0D or Code.Reservednop_rm32_r32_0F0D or Code.Reservednop_rm64_r64_0F0D:
                return "undefined on AMD's processors, where such a KVM's emulator takes it for a NOP";
            case Mnemonic.Smsw:
                return Emulated;
        }

        return opCode.IsPrivileged || opCode.MustBeCpl0 || !opCode.Cpl3 ? Privileged : "";
    }
}
