using System.Runtime.InteropServices;

namespace HvRunner.Instructions;

/// <summary>
/// One translated operation: the handler, and its operands in a form that needs no decoding. It stands for one guest instruction, or for a pair
/// that runs as one (a comparison and its branch). Handlers call their successor in tail position, so a block runs as one chain of jumps.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct Operation
{
    /// <summary>Executes this operation and all behind it; answers why the chain ended, as a <see cref="ChainEnd"/>.</summary>
    public delegate*<ref Operation, Processor, ChainEnd> Handler;

    /// <summary>First register operand: its byte offset in the register file (8 times its number, one more for AH, CH, DH, BH).</summary>
    public byte A;

    /// <summary>Second register operand, or the base of the memory operand.</summary>
    public byte B;

    /// <summary>Index register of the memory operand.</summary>
    public byte C;

    /// <summary>Scale of the index as a shift count, and in the general form the rest of the address: see <see cref="AnyAddress"/>.</summary>
    public byte D;

    /// <summary>Displacement of the memory operand, or of a branch target from the block's start.</summary>
    public int Displacement;

    /// <summary>Immediate operand, sign-extended; the link of a branch.</summary>
    public int Immediate;

    /// <summary>Where the instruction stands, from the block's start, in bytes.</summary>
    public ushort Offset;

    /// <summary>Number of the (first) instruction in the block.</summary>
    public byte Index;

    /// <summary>Length in bytes, of both when two run as one.</summary>
    public byte Length;
}

/// <summary>Why a chain of operations came back to the processor's loop.</summary>
internal enum ChainEnd
{
    /// <summary>Go on at the block address that the processor holds; there may be a link to connect.</summary>
    Resolve,

    /// <summary>As <see cref="Resolve"/>, but the budget is used up.</summary>
    Budget,

    /// <summary>An instruction was executed the slow way and something needs a look: RIP is right, and the block address is not.</summary>
    Leave,
}
