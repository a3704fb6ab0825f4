using HvRunner.Chipset.Serial;
using HvRunner.Host;
using HvRunner.Launch;
using HvRunner.Soft;

namespace HvRunner.Cli;

/// <summary>
/// The guest's first serial port and debug console on the host's streams: bounded buffers between vCPUs and pump threads, raw input on a
/// terminal. Nothing here waits for ever: <see cref="Release"/> frees vCPUs that wait for a stalled reader, <see cref="Finish"/> has a limit.
/// </summary>
internal sealed class ConsoleStreams : IDisposable
{
    // What is typed and the debug console's lines are few bytes; clearing a buffer of the console's size for them costs more than they ever do.
    private const int SmallBufferBytes = 8 * 1024;

    private readonly List<ConsoleOutputBuffer> _buffers = [];
    private readonly List<OutputPump> _pumps = [];
    private readonly List<FileStream> _files = [];
    private readonly ConsoleInputBuffer _input = new(capacityBytes: SmallBufferBytes);
    private InputPump? _inputPump;
    private RawTerminal? _terminal;
    private readonly PulledInput? _pulled;
    private volatile Action<string>? _interrupt;

    /// <summary>Opens the targets; with <paramref name="pullsInput"/> bytes wait for the guest to want them, unless they are typed. A file that cannot be written is a fault of the user's.</summary>
    internal ConsoleStreams(string console, string debugConsole, bool pullsInput, Faults faults)
    {
        Output = (ISerialOutput?)Open("console", console, StandardStreams.Output, faults) ?? Discard.Instance;
        var debug = Open("debug-console", debugConsole, StandardStreams.Error, faults);
        DebugOutput = debug is not null && debugConsole == "stderr" ? GuestLines = new GuestLines(debug) : debug;
        UsesInput = console == "stdio";
        _pulled = pullsInput && UsesInput && StandardStreams.IsGiven(StandardStreams.Input) && !RawTerminal.IsTerminal(StandardStreams.Input)
            ? new PulledInput(StandardStreams.Input)
            : null;
    }

    private ISerialOutput Output { get; }

    private ISerialOutput? DebugOutput { get; }

    /// <summary>All of it, as a machine takes it.</summary>
    internal GuestConsole Console => new(Output, Input, DebugOutput, Release);

    private ISerialInput Input => _pulled is null ? _input : _pulled;

    private GuestLines? GuestLines { get; }

    private bool UsesInput { get; }

    /// <summary>Input may come in when the guest of a virtual clock is idle, see <see cref="VirtualClock.Idle"/>.</summary>
    internal Func<IdleAnswer> IdleWith(Machine.Machine machine)
    {
        _pulled?.Connect(machine);
        return () => _pulled?.Idle() == true ? IdleAnswer.InputCame
            : _inputPump is null ? IdleAnswer.Nothing
            : IdleAnswer.InputMayCome;
    }

    /// <summary>Starts the pumps. <paramref name="interrupt"/> is told why when a reader goes away or the user asks for the end.</summary>
    internal void Start(Action inputReady, Action<string> interrupt)
    {
        _interrupt = interrupt;
        foreach (var pump in _pumps)
        {
            // Only the reader of standard output is watched: its end ends the run.
            pump.Start(atFirstByte: pump.Descriptor != StandardStreams.Output);
        }

        // In the background of a terminal, reading it would stop the whole process.
        var isTerminal = RawTerminal.IsTerminal(StandardStreams.Input);
        if (UsesInput && _pulled is null && StandardStreams.IsGiven(StandardStreams.Input) && (!isTerminal || RawTerminal.IsForeground(StandardStreams.Input)))
        {
            _terminal = RawTerminal.TryEnter(StandardStreams.Input);
            var keys = _terminal is null ? null : new EscapeKeys(interrupt);
            _inputPump = new InputPump("console-in", StandardStreams.Input, bytes => Accept(keys is null ? bytes : keys.Filter(bytes), inputReady));
            _inputPump.Start();
        }
    }

    /// <summary>Frees everyone who waits for space: the run must end although bytes are left.</summary>
    internal void Release()
    {
        foreach (var buffer in _buffers)
        {
            buffer.Close();
        }
    }

    /// <summary>Writes what is left. A reader may take its time until <paramref name="mustEnd"/> says otherwise; then a moment is given and the rest dropped.</summary>
    internal void Finish(Func<bool> mustEnd)
    {
        if (mustEnd())
        {
            // Whoever still waits for space, the debug console's last line included, waits no longer.
            Release();
        }

        GuestLines?.Flush();
        foreach (var pump in _pumps)
        {
            while (!pump.Finish(TimeSpan.FromMilliseconds(50)))
            {
                if (mustEnd())
                {
                    _ = pump.Finish(TimeSpan.FromMilliseconds(200));
                    break;
                }
            }
        }
    }

    /// <summary>Drops what older runs left in the files; to be called when the command line has been found right.</summary>
    internal void EmptyFiles() => _files.ForEach(OutputFile.Empty);

    /// <summary>Gives the terminal back. Any thread, more than once.</summary>
    internal void RestoreTerminal() => _terminal?.Dispose();

    /// <summary>Ends the input and gives the terminal back; nothing calls into the machine afterwards.</summary>
    internal void StopInput()
    {
        _input.Close();
        _inputPump?.Dispose();
        _inputPump = null;
        _terminal?.Dispose();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Release();
        StopInput();
        foreach (var pump in _pumps)
        {
            pump.Dispose();
        }

        foreach (var file in _files)
        {
            file.Dispose();
        }
    }

    private bool Accept(ReadOnlySpan<byte> bytes, Action inputReady)
    {
        while (!bytes.IsEmpty)
        {
            bytes = bytes[_input.Write(bytes)..];
            inputReady();
            if (!bytes.IsEmpty && !_input.WaitForSpace())
            {
                return false;
            }
        }

        return true;
    }

    private ConsoleOutputBuffer? Open(string name, string target, int stream, Faults faults)
    {
        if (target == "none")
        {
            return null;
        }

        if (target.Length > 0 && !target.StartsWith("file:", StringComparison.Ordinal) && !StandardStreams.IsGiven(stream))
        {
            return null;
        }

        var descriptor = stream;
        if (target.StartsWith("file:", StringComparison.Ordinal))
        {
            if (faults.Try(() => OutputFile.Open($"--{name}", target[5..])) is not { } file)
            {
                return null;
            }

            _files.Add(file);
            descriptor = (int)file.SafeFileHandle.DangerousGetHandle();
        }

        OutputPump? pump = null;
        var capacity = stream == StandardStreams.Output ? ConsoleOutputBuffer.DefaultCapacityBytes : SmallBufferBytes;
        var buffer = new ConsoleOutputBuffer(() => pump!.Wake(), capacity);
        pump = new OutputPump(name, descriptor, buffer.Take, errno =>
        {
            buffer.Close();
            if (!OutputPump.IsReaderGone(errno))
            {
                StandardError.Words.WriteLine($"hvrun: --{name}: cannot write to {target}: {System.Runtime.InteropServices.Marshal.GetPInvokeErrorMessage(errno)}");
            }

            _interrupt?.Invoke($"nobody takes the {name}'s output any more");
        });
        _buffers.Add(buffer);
        _pumps.Add(pump);
        return buffer;
    }

    private sealed class Discard : ISerialOutput
    {
        internal static readonly Discard Instance = new();

        public void Write(ReadOnlySpan<byte> data)
        {
        }
    }
}
