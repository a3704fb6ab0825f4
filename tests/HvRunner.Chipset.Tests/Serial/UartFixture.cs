using HvRunner.Chipset.Serial;
using HvRunner.Fakes;

namespace HvRunner.Chipset.Tests.Serial;

/// <summary>A UART with its wires in hand, and register names for tests.</summary>
internal sealed class UartFixture : ISerialOutput, ISerialInput
{
    public const ulong Data = 0, Ier = 1, Iir = 2, Fcr = 2, Lcr = 3, Mcr = 4, Lsr = 5, Msr = 6, Scr = 7;

    private readonly Queue<byte> _input = new();

    public UartFixture() => Uart = new Uart16550("com1", Line, this, this);

    public Uart16550 Uart { get; }

    public RecordingLine Line { get; } = new();

    public List<byte> Sent { get; } = [];

    /// <summary>Bytes that the UART has not pulled.</summary>
    public int Waiting => _input.Count;

    public Action? OnWrite { get; set; }

    public void Write(ReadOnlySpan<byte> data)
    {
        OnWrite?.Invoke();
        Sent.AddRange(data);
    }

    public int Read(Span<byte> destination)
    {
        var count = 0;
        while (count < destination.Length && _input.TryDequeue(out var value))
        {
            destination[count++] = value;
        }

        return count;
    }

    public void Receive(params byte[] bytes)
    {
        foreach (var value in bytes)
        {
            _input.Enqueue(value);
        }

        Uart.InputReady();
    }

    /// <summary>Enables interrupts as a PC's driver does: DTR, RTS and OUT2, which lets them through, and then IER.</summary>
    public void Listen(byte interrupts)
    {
        Uart.Out(Mcr, 0x0b);
        Uart.Out(Ier, interrupts);
    }

    /// <summary>Polls as a guest does that waits for input without interrupts.</summary>
    public void PollForInput()
    {
        for (var i = 0; i < 16; i++)
        {
            Uart.In(Lsr);
        }
    }

    public static byte[] Count(int count) => [.. Enumerable.Range(1, count).Select(i => (byte)i)];
}
