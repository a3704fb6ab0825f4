using System.Buffers.Binary;
using System.Diagnostics;
using HvRunner.Abstractions;
using HvRunner.Boot.Elf;
using HvRunner.Boot.Pvh;
using HvRunner.Fakes;
using Xunit.Abstractions;

namespace HvRunner.Boot.Tests;

/// <summary>
/// Kernel images with bits flipped, ends cut off and header fields made hostile, through everything that reads one. HVRUN_FUZZ_CASES and
/// HVRUN_FUZZ_SEED choose how many and which; a failure names the seed and the case, which is made from these two alone.
/// </summary>
public class BootFuzzTests(ITestOutputHelper output)
{
    private const int MemoryBytes = 16 << 20;
    private const long MaxAllocatedBytes = 4 << 20;
    private static readonly TimeSpan MaxTime = TimeSpan.FromSeconds(5);

    // What a field is set to when it is made hostile: edges of every width, and sizes that lie just inside and outside.
    private static readonly ulong[] Hostile =
    [
        0, 1, 2, 3, 4, 7, 8, 12, 18, 31, 32, 55, 56, 57, 63, 64, 0xff, 0x100, 0x500, 0xfff, 0x1000, 0x6000, 0x7000, 0x7fff, 0x8000, 0xfffe, 0xffff,
        0x10000, 0x100000, 0xffffff, 0x1000000, 0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff, 0x100000000, 0x7fffffffffffffff, 0x8000000000000000,
        0xfffffffffffff000, ulong.MaxValue - 1, ulong.MaxValue,
    ];

    private readonly IGuestMemory _memory = new ArrayGuestMemory(MemoryBytes);
    private readonly byte[][] _bases =
    [
        TestKernels.Minimal().Build(),
        TestKernels.Minimal(ElfClass.Elf32).Build(),
        TestKernels.LinuxLike().Build(),
        TestKernels.AddSymbols(TestKernels.Minimal(ElfClass.Elf32)).Build(),
        new ElfBuilder { ExtendedProgramHeaderCount = true, ProgramHeaderStride = 72 }.Load(0x100000, TestKernels.Pattern(64), memorySize: 0x8000)
            .Section(7, ElfBuilder.EntryNote(0x100010)).Section(7, ElfBuilder.Note("Linux\0", 0x101, [0])).Build(),
        new ElfBuilder().Notes(TestKernels.LinuxNotes()).Load(0x200000, TestKernels.Pattern(0x80), memorySize: 0x2000).Build(),
        BzImage(),
    ];

    private int _booted;

    [Fact]
    public void MutatedImages_AreRefusedWithSentencesOrBooted()
    {
        var cases = Number("HVRUN_FUZZ_CASES", 20_000);
        var seed = Number("HVRUN_FUZZ_SEED", 20240611);
        output.WriteLine($"HVRUN_FUZZ_SEED={seed} HVRUN_FUZZ_CASES={cases}");
        var longest = TimeSpan.Zero;
        long largest = 0;

        // The first run of everything compiles it; that is not what is measured.
        Run(_bases[0]);
        for (var i = 0; i < cases; i++)
        {
            var image = Mutate(new Random(unchecked((seed * 1_000_003) + i)));
            try
            {
                var before = GC.GetAllocatedBytesForCurrentThread();
                var started = Stopwatch.GetTimestamp();
                Run(image);
                var time = Stopwatch.GetElapsedTime(started);
                var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
                Assert.True(time < MaxTime, $"took {time}");
                Assert.True(allocated < MaxAllocatedBytes, $"allocated {allocated} bytes");
                longest = time > longest ? time : longest;
                largest = Math.Max(largest, allocated);
            }
            catch (Exception exception)
            {
                throw new InvalidOperationException($"Case {i} of HVRUN_FUZZ_SEED={seed}: {exception.Message}", exception);
            }
        }

        output.WriteLine($"booted {_booted} of {cases}; longest {longest.TotalMilliseconds:f1} ms, largest {largest} bytes");
        if (cases >= 1000)
        {
            // Both outcomes have to occur, or the mutations are too harmless or too harsh to test anything.
            Assert.InRange(_booted, cases / 50, cases - (cases / 5));
        }
    }

    private static int Number(string variable, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), out var number) ? number : otherwise;

    private static byte[] BzImage()
    {
        var image = new byte[0x1000].Patch16(0x1fe, 0xaa55).Patch16(0x20e, 0x300);
        "HdrS"u8.CopyTo(image.AsSpan(0x202));
        "6.1.0 (x)"u8.CopyTo(image.AsSpan(0x500));
        return image;
    }

    private void Run(byte[] bytes)
    {
        using var source = TestKernels.Source(bytes);
        var inspection = KernelInspection.Inspect(source);
        Assert.False(string.IsNullOrEmpty(inspection.Reason));
        Assert.False(string.IsNullOrEmpty(inspection.Format));
        var symbols = ElfSymbols.Load(source);
        symbols?.TryResolve(0xffffffff81000044, out _, out _);
        symbols?.TryResolvePhysical(new GuestAddress(0x100044), out _, out _);

        PvhKernel kernel;
        try
        {
            kernel = PvhKernel.Parse(source);
        }
        catch (InvalidInputException exception)
        {
            CheckSentences(exception);
            Assert.Null(inspection.Chosen);
            return;
        }

        Assert.Equal("pvh", inspection.Chosen);
        var guarded = new GuardedGuestMemory(_memory);
        try
        {
            CheckBooted(kernel, guarded, PvhBoot.Load(new PvhBootRequest
            {
                Kernel = kernel,
                Memory = guarded,
                MemoryMap = TestKernels.Map(MemoryBytes),
                CommandLine = "console=ttyS0",
                Initrd = new MemoryImageSource("initrd", bytes),
            }));
            _booted++;
        }
        catch (InvalidInputException exception)
        {
            CheckSentences(exception);
            Assert.Empty(guarded.Written);
        }
    }

    private static void CheckSentences(InvalidInputException exception)
    {
        Assert.NotEmpty(exception.Faults);
        foreach (var fault in exception.Faults)
        {
            Assert.Equal(InputFaultKind.BadInput, fault.Kind);
            Assert.True(fault.Sentence.Length > 10 && fault.Sentence.EndsWith('.'), fault.Sentence);
        }
    }

    private static void CheckBooted(PvhKernel kernel, GuardedGuestMemory memory, PvhBootResult result)
    {
        Assert.Equal(0, memory.Refused);
        foreach (var written in memory.Written)
        {
            Assert.True(Holds(result.Ranges, written), $"{written} was written, but is no named range");
        }

        // No range shares a byte with another, and all lie in RAM.
        for (var i = 0; i < result.Ranges.Count; i++)
        {
            Assert.True(memory.TryGetReadOnlySpan(result.Ranges[i].Range.Start, checked((int)result.Ranges[i].Range.SizeBytes), out _));
            for (var k = 0; k < i; k++)
            {
                Assert.False(result.Ranges[i].Range.Overlaps(result.Ranges[k].Range), $"{result.Ranges[i]} overlaps {result.Ranges[k]}");
            }
        }

        Assert.True(Holds(result.Ranges, new GuestRange(new GuestAddress(result.Entry), 1)));
        Assert.Equal(kernel.Entry, result.Entry);
        Assert.True(memory.TryReadUInt32(new GuestAddress(result.StartInfoAddress), out var magic));
        Assert.Equal(0x336ec578u, magic);
        var state = new ProcessorState();
        PvhEntryState.Apply(state, result.Entry, result.StartInfoAddress, new PvhAddresses());
        Assert.Equal(result.Entry, state.Rip);
    }

    private static bool Holds(IReadOnlyList<PlacedRange> ranges, GuestRange range)
    {
        for (var i = 0; i < ranges.Count; i++)
        {
            if (ranges[i].Range.Contains(range.Start, range.SizeBytes))
            {
                return true;
            }
        }

        return false;
    }

    private byte[] Mutate(Random random)
    {
        var image = (byte[])_bases[random.Next(_bases.Length)].Clone();
        for (var count = random.Next(1, 5); count > 0 && image.Length > 8; count--)
        {
            // Headers are where the decisions are, so most of the harm is done there.
            var reach = random.Next(4) == 0 ? image.Length : Math.Min(image.Length, 0x180);
            switch (random.Next(8))
            {
                case 0:
                    image = image[..random.Next(1, image.Length)];
                    break;
                case 1 or 2:
                    image[random.Next(reach)] ^= (byte)(1 << random.Next(8));
                    break;
                case 3:
                    image[random.Next(reach)] = (byte)random.Next(256);
                    break;
                case 4:
                    SetField(image, image.Length - 1 - random.Next(Math.Min(image.Length, 0x120)), random);
                    break;
                default:
                    SetField(image, random.Next(reach), random);
                    break;
            }
        }

        return image;
    }

    private static void SetField(byte[] image, int offset, Random random)
    {
        var width = 2 << random.Next(3);
        offset = offset / width * width;
        if (offset + width > image.Length)
        {
            return;
        }

        // A value near one that is there tests the edges of sums.
        Span<byte> field = stackalloc byte[8];
        image.AsSpan(offset, width).CopyTo(field);
        var value = random.Next(3) == 0
            ? BinaryPrimitives.ReadUInt64LittleEndian(field) + (ulong)random.Next(-16, 17)
            : Hostile[random.Next(Hostile.Length)];
        BinaryPrimitives.WriteUInt64LittleEndian(field, value);
        field[..width].CopyTo(image.AsSpan(offset));
    }
}
