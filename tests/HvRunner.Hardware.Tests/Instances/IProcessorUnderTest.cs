using HvRunner.Hardware.Tests.Guest;

namespace HvRunner.Hardware.Tests.Instances;

/// <summary>Our processor, however it executes: one instance at a time on memory of its own.</summary>
internal interface IProcessorUnderTest
{
    string Name { get; }

    /// <summary>The memory that it works on: the guest's RAM.</summary>
    byte[] Ram { get; }

    /// <summary>Executes from <paramref name="input"/> until RIP is <paramref name="landing"/> or an exception is raised.</summary>
    void Run(in ProcessorImage input, ulong landing, ref ProcessorImage output);
}
