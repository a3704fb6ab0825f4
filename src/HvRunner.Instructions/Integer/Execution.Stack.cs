// The stack: its pointer's width follows SS.B outside 64-bit mode (SDM vol. 1, 6.2.3). A push translates before it moves the pointer.
using HvRunner.Abstractions;

namespace HvRunner.Instructions;

internal ref partial struct Execution<TMemory, THost>
{
    private readonly ulong StackMask => _is64 ? ulong.MaxValue : _state.Segments[(int)SegmentName.Ss].Default32 ? uint.MaxValue : 0xffffUL;

    private readonly void SetStackPointer(ulong value)
    {
        var mask = StackMask;
        ref var rsp = ref _state.General[(int)GeneralRegister.Rsp];

        // A 16-bit pointer leaves the rest of ESP alone; a 32-bit one clears the upper half, which outside 64-bit mode nobody sees.
        rsp = mask == 0xffff ? (rsp & ~mask) | (value & mask) : value & mask;
    }

    private readonly void MoveStackPointer(int distance) => SetStackPointer(_state[GeneralRegister.Rsp] + (ulong)distance);

    private bool TryPush(ulong value, int size)
    {
        var top = (_state[GeneralRegister.Rsp] - (ulong)size) & StackMask;
        if (!TryLocate(SegmentName.Ss, top, size, Access.Write, out var span))
        {
            return false;
        }

        WriteSpan(span, value);
        SetStackPointer(top);
        return true;
    }

    /// <summary>Reads the stack <paramref name="distance"/> bytes above its top.</summary>
    private bool TryPeek(int distance, int size, out ulong value) =>
        TryReadMemory(SegmentName.Ss, (_state[GeneralRegister.Rsp] + (ulong)distance) & StackMask, size, out value);
}
