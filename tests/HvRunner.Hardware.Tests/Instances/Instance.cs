using Iced.Intel;

namespace HvRunner.Hardware.Tests.Instances;

/// <summary>One instruction with everything that it begins with, except what lies in the batch's memory.</summary>
internal sealed class Instance
{
    /// <summary>Running number; with the seed it names the instance.</summary>
    public long Number { get; set; }

    /// <summary>The form that was asked for; bytes may have been changed since.</summary>
    public Code Wanted { get; set; }

    /// <summary>What the bytes are, to the decoder.</summary>
    public Instruction Decoded { get; set; }

    /// <summary>Linear address of the first byte.</summary>
    public ulong Start { get; set; }

    /// <summary>The bytes; longer than an instruction may be, at times.</summary>
    public byte[] Bytes { get; } = new byte[24];

    public int Length { get; set; }

    /// <summary><see cref="Landing"/> of an instance that has none; no processor's RIP is ever this.</summary>
    public const ulong Nowhere = 0x8000_0000_0000_0000;

    /// <summary>Where the instance ends without an exception; <see cref="Nowhere"/> when what follows is an undefined opcode, which shows where the processor went.</summary>
    public ulong Landing { get; set; }

    /// <summary>The linear address that a memory operand was aimed at.</summary>
    public ulong Target { get; set; }

    /// <summary>The linear address that the memory operand has; where it could not be aimed, not the target.</summary>
    public ulong Address { get; set; }

    /// <summary>Instructions behind it that look at the flags.</summary>
    public ReadOnlySpan<byte> Tail => _tail.AsSpan(0, TailLength);

    public int TailLength { get; private set; }

    /// <summary>Flags that the tail sets, whatever the instance left in them.</summary>
    public ulong DefinedByTail { get; set; }

    /// <summary>Flags that the tail leaves undefined.</summary>
    public ulong UndefinedByTail { get; set; }

    private readonly byte[] _tail = new byte[32];

    public void ClearTail()
    {
        TailLength = 0;
        DefinedByTail = 0;
        UndefinedByTail = 0;
    }

    public void AddTail(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(_tail.AsSpan(TailLength));
        TailLength += bytes.Length;
    }

    public ReadOnlySpan<byte> Code => Bytes.AsSpan(0, Length);

    public bool IsValid => !Decoded.IsInvalid;
}
