using System.Runtime.InteropServices;
using HvRunner.Abstractions;
using HvRunner.Hardware.Tests.Guest;
using Xunit.Abstractions;

namespace HvRunner.Hardware.Tests;

/// <summary>Spike.</summary>
public class SmokeTests(ITestOutputHelper output)
{
    [Fact]
    public void Spike()
    {
        using var hw = new HardwareProcessor();
        byte[][] codes = [[0x90], [0x48, 0x01, 0xc8], [0x06], [0x8b, 0x00], [0x0f, 0x01, 0xd0], [0x8c, 0xc8], [0x8c, 0xd0], [0xf1], [0xcc], [0xd9, 0xe8], [0xf7, 0xf1], [0xf4], [0x0f, 0x01, 0xe0], [0x0f, 0xa2]];
        hw.Memory.TryGetWritableSpan(new GuestAddress(GuestLayout.BlocksPhysical), 1024 * 2048, out var blocks);
        hw.Memory.TryGetWritableSpan(new GuestAddress(GuestLayout.CodePhysical), GuestLayout.CodeBytes, out var code);
        for (var i = 0; i < 1024; i++)
        {
            ref var input = ref MemoryMarshal.AsRef<ProcessorImage>(blocks.Slice(i * 2048, 1024));
            for (var r = 0; r < 16; r++)
            {
                input.General[r] = (ulong)(r * 0x1111);
            }

            input.General[1] = 0;
            input.Rflags = 0x202;
            input.Rip = GuestLayout.Code + (ulong)(i * 64);
            input.Fx[0] = 0x7f;
            input.Fx[1] = 3;
            input.Fx[24] = 0x80;
            input.Fx[25] = 0x1f;
            var c = codes[i % codes.Length];
            c.CopyTo(code[(i * 64)..]);
            LoopCode.Landing.CopyTo(code[((i * 64) + c.Length)..]);
        }

        for (var rep = 0; rep < 5; rep++)
        {
            var watch = System.Diagnostics.Stopwatch.StartNew();
            hw.Run(1024);
            output.WriteLine($"{watch.Elapsed.TotalMicroseconds / 1024:f2} us");
        }

        for (var i = 0;
            i < codes.Length; i++)
        {
            ref var o = ref MemoryMarshal.AsRef<ProcessorImage>(blocks.Slice((i * 2048) + 1024, 1024));
            output.WriteLine($"{Convert.ToHexString(codes[i])}: vec {o.Vector:x} err {o.ErrorCode:x} rip {o.Rip:x} cr2 {o.Cr2:x} fl {o.Rflags:x} rax {o.General[0]:x} rbx {o.General[3]:x} rcx {o.General[1]:x} rdx {o.General[2]:x} rsp {o.General[4]:x} fs {o.FsBase:x} gs {o.GsBase:x}");
        }
    }
}
