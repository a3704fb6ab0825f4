namespace HvRunner.Hardware.Tests.Guest;

/// <summary>The processor of this machine, however ring 3 is come by: it runs the guest's loop on memory of its own.</summary>
internal interface IRealProcessor : IDisposable
{
    string Name { get; }

    /// <summary>The whole address space is the guest's. To a process of Linux the supervisor's pages are not there, and it may not have the last page of its half.</summary>
    bool IsWholeMachine { get; }

    /// <summary>The guest's RAM: after <see cref="Run"/> data memory and outputs are what the processor left.</summary>
    ReadOnlySpan<byte> Ram { get; }

    /// <summary>Writes into RAM, between runs.</summary>
    void Write(int address, ReadOnlySpan<byte> bytes);

    /// <summary>
    /// Runs <paramref name="count"/> blocks, the first of which is <paramref name="first"/>. Answers whether all that they left is the processor's: false when
    /// the host's kernel ran something else in between and may have lost FS and GS bases; then they are run again.
    /// </summary>
    /// <exception cref="InvalidOperationException">The processor left the loop for good, or never came back; the message says where.</exception>
    bool Run(int first, int count);
}
