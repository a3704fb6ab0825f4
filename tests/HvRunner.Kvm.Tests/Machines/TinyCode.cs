namespace HvRunner.Kvm.Tests.Machines;

/// <summary>Instructions that the machines' kernels are made of, in 32-bit code.</summary>
internal static class TinyCode
{
    /// <summary>mov dx, com1; mov al, '!'; out dx, al</summary>
    internal static byte[] Say { get; } = [0x66, 0xba, 0xf8, 0x03, 0xb0, (byte)'!', 0xee];

    /// <summary>jmp $</summary>
    internal static byte[] Spin { get; } = [0xeb, 0xfe];

    /// <summary>out 0x80, al in a loop: exits without end.</summary>
    internal static byte[] SpinOut { get; } = [0xe6, 0x80, 0xeb, 0xfc];

    /// <summary>hlt in a loop, with interrupts off as they are.</summary>
    internal static byte[] Halt { get; } = [0xf4, 0xeb, 0xfd];

    /// <summary>The whole of <see cref="Say"/> in a loop.</summary>
    internal static byte[] SayForEver { get; } = [.. Say, 0xeb, 0xf7];

    /// <summary>mov al, status; out exit, al; jmp $</summary>
    internal static byte[] Exit(byte status) => [0xb0, status, 0xe6, 0xf4, 0xeb, 0xfe];

    /// <summary>push eax; push edx; say; pop edx; pop eax; iret: the handler of an NMI.</summary>
    internal static byte[] SayAndReturn { get; } = [0x50, 0x52, .. Say, 0x5a, 0x58, 0xcf];
}
