using System.Runtime.CompilerServices;

namespace HvRunner.Instructions;

/// <summary>
/// Finds out whether the compiler made jumps of the calls between handlers: a chain of many must end at the same depth of the stack as a chain of
/// one. It does when it optimizes; a debugger or an odd setting may keep it from that, and then blocks must not be chained, or the stack would
/// grow with every branch.
/// </summary>
internal static unsafe class ChainProbe
{
    private static nint _depth;

    public static bool CallsAreJumps { get; } = Depth(1) == Depth(64);

    private static nint Depth(int length)
    {
        var operations = new Operation[length + 1];
        operations.AsSpan(0, length).Fill(new Operation { Handler = &Handlers.Nothing });
        operations[length].Handler = &Note;
        operations[0].Handler(ref operations[0], null!);
        return _depth;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static ChainEnd Note(ref Operation op, Processor processor)
    {
        var here = 0;
        _depth = (nint)(&here);
        return ChainEnd.Leave;
    }
}
