using HvRunner.Abstractions;

namespace HvRunner.Fakes;

/// <summary>An interrupt wire that remembers its level and counts its edges.</summary>
public sealed class RecordingLine : IInterruptLine
{
    public bool Asserted { get; private set; }

    /// <summary>Changes from low to high.</summary>
    public int RisingEdges { get; private set; }

    public void Set(bool asserted)
    {
        if (asserted && !Asserted)
        {
            RisingEdges++;
        }

        Asserted = asserted;
    }
}
