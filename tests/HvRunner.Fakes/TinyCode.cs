using System.Text;

namespace HvRunner.Fakes;

/// <summary>What a <see cref="TinyKernel"/> may do, as 32-bit code that runs with interrupts off.</summary>
public static class TinyCode
{
    /// <summary>jmp $</summary>
    public static byte[] Spin { get; } = [0xeb, 0xfe];

    /// <summary>cli; hlt; in a loop</summary>
    public static byte[] Halt { get; } = [0xfa, 0xf4, 0xeb, 0xfc];

    /// <summary>Sends back each byte that comes, and ends with status 0 at byte 4. It polls for them.</summary>
    public static byte[] Echo { get; } =
    [
        0x66, 0xba, 0xfd, 0x03, // again: mov dx, com1 + 5
        0xec, 0xa8, 0x01, 0x74, 0xfb, // wait: in al, dx; test al, 1; jz wait
        0x66, 0xba, 0xf8, 0x03, 0xec, // mov dx, com1; in al, dx
        0x3c, 0x04, 0x74, 0x03, // cmp al, 4; je end
        0xee, 0xeb, 0xeb, // out dx, al; jmp again
        .. Exit(0), // end:
    ];

    /// <summary>Writes a text on the console; three bytes of code for each of its own.</summary>
    public static byte[] Say(string text) => [0x66, 0xba, 0xf8, 0x03, .. Encoding.UTF8.GetBytes(text).SelectMany(value => (byte[])[0xb0, value, 0xee])];

    /// <summary>The same again and again.</summary>
    public static byte[] SayForEver(char value) => [0x66, 0xba, 0xf8, 0x03, 0xb0, (byte)value, 0xee, 0xeb, 0xfd];

    /// <summary>Ends the machine with this status.</summary>
    public static byte[] Exit(byte status) => [0xb0, status, 0xe6, 0xf4, 0xeb, 0xfe];
}
