using HvRunner.Fakes;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace HvRunner.Kvm.Tests.Machines;

/// <summary>
/// Builds a tiny kernel that takes interrupts: an interrupt table in RAM that it fills itself, and words for what a controller is told. 32-bit code; EAX and EDX are
/// changed by most of these, but not by handlers.
/// </summary>
internal sealed class InterruptGuest
{
    /// <summary>A word of RAM that is zero at the start, and those behind it.</summary>
    internal const uint Counter = 0x30_1000;

    internal const uint Spurious = 0x0f0;
    internal const uint EndOfInterrupt = 0x0b0;
    internal const uint InterruptCommand = 0x300;
    internal const uint InterruptCommandHigh = 0x310;
    internal const uint LvtTimer = 0x320;
    internal const uint InitialCount = 0x380;
    internal const uint DivideConfiguration = 0x3e0;

    private const uint Table = 0x30_0000;
    private const uint TableRegister = 0x2f_fff0;
    private const uint LocalApic = 0xfee0_0000;
    private const uint IoApic = 0xfec0_0000;
    private const uint CodeSelector = 8;
    private const uint ExitPort = 0xf4;

    internal InterruptGuest()
    {
        Code.mov(__word_ptr[TableRegister], 0x7ff);
        Code.mov(__dword_ptr[TableRegister + 2], Table);
        LoadTable();
    }

    /// <summary>The code so far.</summary>
    internal Assembler Code { get; } = new(32);

    internal byte[] Build()
    {
        using var stream = new MemoryStream();
        Code.Assemble(new StreamCodeWriter(stream), TinyKernel.CodeAddress);
        return TinyKernel.Build(stream.ToArray());
    }

    internal void LoadTable() => Code.lidt(__[TableRegister]);

    /// <summary>Stands aside of the code: the address of what <paramref name="body"/> adds is in EAX.</summary>
    internal void Aside(Action body)
    {
        var behind = Code.CreateLabel();
        Code.call(behind);
        body();
        Code.Label(ref behind);
        Code.pop(eax);
    }

    /// <summary>Handles a vector by what <paramref name="body"/> adds, behind which it returns.</summary>
    internal void On(byte vector, Action body)
    {
        var gate = Table + (uint)(vector * 8);
        Aside(() =>
        {
            Code.push(eax);
            Code.push(ecx);
            Code.push(edx);
            body();
            Code.pop(edx);
            Code.pop(ecx);
            Code.pop(eax);
            Code.iretd();
        });
        Code.mov(edx, eax);
        Code.and(eax, 0xffff);
        Code.or(eax, CodeSelector << 16);
        Code.mov(__[gate], eax);
        Code.and(edx, 0xffff_0000);
        Code.or(edx, 0x8e00);
        Code.mov(__[gate + 4], edx);
    }

    internal void WriteApic(uint register, uint value) => Code.mov(__dword_ptr[LocalApic + register], value);

    /// <summary>Software-enables the local APIC.</summary>
    internal void EnableApic() => WriteApic(Spurious, 0x1ff);

    internal void WriteIoApic(uint index, uint value)
    {
        Code.mov(__dword_ptr[IoApic], index);
        Code.mov(__dword_ptr[IoApic + 0x10], value);
    }

    internal void Out(ushort port, byte value)
    {
        Code.mov(dx, port);
        Code.mov(al, value);
        Code.@out(dx, al);
    }

    internal void WriteMsr(uint msr, uint value)
    {
        Code.mov(ecx, msr);
        Code.mov(eax, value);
        Code.xor(edx, edx);
        Code.wrmsr();
    }

    /// <summary>sti; hlt; again</summary>
    internal void Idle()
    {
        var again = Code.CreateLabel();
        Code.Label(ref again);
        Code.sti();
        Code.hlt();
        Code.jmp(again);
    }

    internal void Exit(byte status)
    {
        Out((ushort)ExitPort, status);
        var again = Code.CreateLabel();
        Code.Label(ref again);
        Code.jmp(again);
    }

    /// <summary>Counts, and ends the machine with the status when that is the last.</summary>
    internal void CountTo(uint last, byte status, uint counter = Counter)
    {
        var more = Code.CreateLabel();
        Code.inc(__dword_ptr[counter]);
        Code.cmp(__dword_ptr[counter], last);
        Code.jb(more);
        Exit(status);
        Code.Label(ref more);
    }
}
