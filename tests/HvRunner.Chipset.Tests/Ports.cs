using System.Buffers;
using HvRunner.Abstractions;

namespace HvRunner.Chipset.Tests;

/// <summary>A guest's IN and OUT, and state that goes through a snapshot.</summary>
internal static class Ports
{
    public static byte In(this IBusDevice device, ulong offset)
    {
        Span<byte> data = [0xcc];
        return device.Read(offset, data) == IoStatus.Ok ? data[0] : (byte)0xff;
    }

    public static void Out(this IBusDevice device, ulong offset, byte value) => device.Write(offset, [value]);

    public static byte[] SavedState(this IStateful device)
    {
        var buffer = new ArrayBufferWriter<byte>();
        device.Save(new StateWriter(buffer));
        return buffer.WrittenSpan.ToArray();
    }

    public static void LoadState(this IStateful device, byte[] state) => device.Load(new StateReader(state));
}
