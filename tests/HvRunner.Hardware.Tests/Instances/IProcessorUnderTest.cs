namespace HvRunner.Hardware.Tests.Instances;

/// <summary>Our processor, however it executes: one instance at a time on memory of its own.</summary>
internal interface IProcessorUnderTest
{
    string Name { get; }

    /// <summary>The memory that it works on: the guest's RAM, blocks included.</summary>
    byte[] Ram { get; }

    /// <summary>Other code has been put into RAM.</summary>
    void Begin();

    /// <summary>
    /// Executes a block of RAM from its input until RIP is the instance's landing or an exception is raised, and stores its output there.
    /// Answers how executions of the same instance differ from each other; empty when they do not, or when there is one alone.
    /// </summary>
    /// <param name="index">The block; its slot of data memory has the same number.</param>
    /// <param name="instance">What stands in the block.</param>
    string Run(int index, Instance instance);
}
