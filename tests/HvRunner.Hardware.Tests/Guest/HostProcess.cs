using System.Buffers.Binary;
using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using static HvRunner.Hardware.Tests.Guest.GuestLayout;

namespace HvRunner.Hardware.Tests.Guest;

/// <summary>
/// The real processor without a hypervisor: native/ring3.c, a process with the guest's memory at the guest's addresses, runs the guest's loop in the host's
/// own ring 3. Pages of the supervisor are not mapped there, and neither is the page where canonical addresses end.
/// </summary>
internal sealed class HostProcess : IRealProcessor
{
    private const int Descriptor = 3;
    private const int WordBytes = 8;
    private const ulong FrameBytes = 72;

    // AT_HWCAP2 of linux/auxvec.h, HWCAP2_FSGSBASE of asm/hwcap2.h.
    private const ulong AuxiliaryHwcap2 = 26;
    private const ulong Hwcap2FsGsBase = 2;
    private static readonly TimeSpan BatchLimit = TimeSpan.FromSeconds(20);

    private static readonly string[] Flags =
    [
        "-std=gnu11", "-Werror", "-O2", "-ffreestanding", "-nostdlib", "-static", "-no-pie", "-fno-stack-protector", "-mgeneral-regs-only", "-Wl,-Ttext-segment=0x5a200000",
    ];

    private static readonly Lazy<string> Program = new(Build);

    // Else WRFSBASE may work all the same, behind the kernel's back.
    private static readonly Lazy<bool> KeepsBases = new(() => (AuxiliaryValue(AuxiliaryHwcap2) & Hwcap2FsGsBase) != 0);

    private readonly byte[] _ram = GuestSetup.Ram(hasTopPage: false);
    private readonly byte[] _word = new byte[WordBytes];
    private readonly Process _process;
    private readonly SafeFileHandle _memory;

    public HostProcess()
    {
        _process = Process.Start(new ProcessStartInfo(Program.Value) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
        try
        {
            _process.StandardInput.BaseStream.Write(Plan());
            _process.StandardInput.BaseStream.Flush();
            Wait();
            _memory = File.OpenHandle($"/proc/{_process.Id}/fd/{Descriptor}", FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
            Write(0, _ram);
            Run(0, 1);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public string Name => "process";

    public bool IsWholeMachine => false;

    public ReadOnlySpan<byte> Ram => _ram;

    public void Write(int address, ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(_ram.AsSpan(address));
        RandomAccess.Write(_memory, bytes, address);
    }

    public bool Run(int first, int count)
    {
        var start = Blocks + (ulong)(first * BlockBytes);
        Span<byte> cells = stackalloc byte[2 * WordBytes];
        BinaryPrimitives.WriteUInt64LittleEndian(cells, start - BlockBytes);
        BinaryPrimitives.WriteUInt64LittleEndian(cells[WordBytes..], start + (ulong)(count * BlockBytes));
        RandomAccess.Write(_memory, cells, (long)CellsPhysical);
        try
        {
            _process.StandardInput.BaseStream.Write(_word);
            _process.StandardInput.BaseStream.Flush();
        }
        catch (IOException)
        {
            // It has ended; the wait says how.
        }

        Wait();
        var switches = BinaryPrimitives.ReadUInt64LittleEndian(_word);
        Fetch((int)DataPhysical, DataBytes);
        Fetch((int)BlocksPhysical + (first * BlockBytes), count * BlockBytes);
        return KeepsBases.Value || switches == 0;
    }

    public void Dispose()
    {
        _process.StandardInput.Close();
        if (!_process.WaitForExit(BatchLimit))
        {
            _process.Kill();
            _process.WaitForExit();
        }

        _memory?.Dispose();
        _process.Dispose();
    }

    private void Fetch(int address, int length) => Assert.Equal(length, RandomAccess.Read(_memory, _ram.AsSpan(address, length), address));

    /// <summary>Waits until the process hands over.</summary>
    private void Wait()
    {
        var handedOver = _process.StandardOutput.BaseStream.ReadAtLeastAsync(_word, WordBytes, throwOnEndOfStream: false).AsTask();
        if (!handedOver.Wait(BatchLimit))
        {
            Span<byte> cursor = stackalloc byte[WordBytes];
            RandomAccess.Read(_memory, cursor, (long)CellsPhysical);
            _process.Kill();
            throw new InvalidOperationException($"block {(long)(BinaryPrimitives.ReadUInt64LittleEndian(cursor) - Blocks) / BlockBytes} did not end within {BatchLimit.TotalSeconds:f0} s");
        }

        if (handedOver.Result < WordBytes)
        {
            _process.WaitForExit();
            throw new InvalidOperationException(Sentence(_process.ExitCode));
        }
    }

    /// <summary>As enum failure of native/ring3.c has it.</summary>
    private static string Sentence(int status) => status switch
    {
        65 => "the guest's addresses could not be mapped in a process of this host",
        67 => "this host's kernel has no seccomp filters, without which random instructions do not run here",
        70 => "this host's kernel does not let ring 3 write FS and GS bases (FSGSBASE)",
        _ => $"the process that runs the instances ended with status {status}",
    };

    /// <summary>struct plan and its regions.</summary>
    private byte[] Plan()
    {
        var (next, recover) = LoopCode.Write(_ram);
        List<ulong> words = [RamBytes, Loop, next, recover, LoopStackTop, Exit, FrameTop - FrameBytes, 0];
        var count = words.Count;
        foreach (var region in PageMap.Regions(IsWholeMachine))
        {
            if (Protection(region) is not 0 and var protection)
            {
                words.AddRange([region.Linear, region.Physical, (ulong)region.Bytes, protection]);
            }
        }

        words[count - 1] = (ulong)((words.Count - count) / 4);
        return MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(words)).ToArray();
    }

    private static ulong Protection(in Region region)
    {
        const ulong read = 1, write = 2, execute = 4;
        return region.Kind switch
        {
            PageKind.ReadOnly when region.Physical == SupervisorStack => read | write,
            PageKind.ReadOnly => read,
            PageKind.Writable => read | write,
            PageKind.Executable => read | execute,
            _ => 0,
        };
    }

    /// <summary>What the kernel tells each process at its start; 0 of what it does not tell.</summary>
    private static ulong AuxiliaryValue(ulong name)
    {
        var pairs = MemoryMarshal.Cast<byte, ulong>(File.ReadAllBytes("/proc/self/auxv"));
        for (var i = 0; i + 1 < pairs.Length; i += 2)
        {
            if (pairs[i] == name)
            {
                return pairs[i + 1];
            }
        }

        return 0;
    }

    private static string Build()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "HvRunner.sln")))
        {
            folder = folder.Parent ?? throw new InvalidOperationException("the tests are not in their repository, where native/ring3.c is");
        }

        var program = Path.Combine(AppContext.BaseDirectory, "ring3");
        try
        {
            using var gcc = Process.Start(new ProcessStartInfo("gcc", [.. Flags, Path.Combine(folder.FullName, "native", "ring3.c"), "-o", program]) { RedirectStandardError = true })!;
            var complaints = gcc.StandardError.ReadToEnd();
            gcc.WaitForExit();
            Assert.True(gcc.ExitCode == 0, $"gcc does not compile native/ring3.c:\n{complaints}");
        }
        catch (Win32Exception exception)
        {
            throw new InvalidOperationException($"native/ring3.c is built with gcc, which did not start ({exception.Message}): sudo apt-get install gcc libc6-dev");
        }

        return program;
    }
}
