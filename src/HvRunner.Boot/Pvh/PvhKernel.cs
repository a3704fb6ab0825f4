using HvRunner.Abstractions;

namespace HvRunner.Boot.Pvh;

/// <summary>A kernel file that keeps every rule of PVH that can be checked without a machine. Holds the source open by reference; the
/// caller disposes it after <see cref="PvhBoot.Load"/>.</summary>
public sealed class PvhKernel
{
    private PvhKernel(IImageSource source, PvhAnalysis analysis, uint entry)
    {
        Source = source;
        Format = analysis.Image!.Format;
        Entry = entry;
        Segments = analysis.Segments;
        IsLinux = analysis.IsLinux;
    }

    /// <summary>Where its bytes are.</summary>
    public IImageSource Source { get; }

    /// <summary>As in "ELF64 x86-64".</summary>
    public string Format { get; }

    /// <summary>The guest-physical address of its 32-bit entry point; lies within a segment.</summary>
    public uint Entry { get; }

    /// <summary>What goes into memory, in the file's order; at least one, none overlapping another.</summary>
    public IReadOnlyList<PvhSegment> Segments { get; }

    /// <summary>It is Linux, by its notes: then Linux's own limits hold, and its panics are known on the console.</summary>
    public bool IsLinux { get; }

    /// <summary>
    /// Reads the headers and notes of <paramref name="source"/> and checks them. Throws <see cref="InvalidInputException"/> with all faults, of kind
    /// <see cref="InputFaultKind.BadInput"/>, when it is not a PVH kernel in order; of kind <see cref="InputFaultKind.NoInput"/> when it
    /// cannot be read.
    /// </summary>
    public static PvhKernel Parse(IImageSource source)
    {
        ArgumentNullException.ThrowIfNull(source);
        var analysis = PvhAnalysis.Of(source);
        analysis.Faults.ThrowIfAny();
        return new PvhKernel(source, analysis, analysis.Entry!.Value.Address);
    }
}
