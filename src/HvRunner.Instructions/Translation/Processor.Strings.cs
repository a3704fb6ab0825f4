// REP MOVS and REP STOS forwards, in runs that stay within one page on either side. What a run cannot do (an element that crosses a page, a
// device, a fault, translated code in the way, the end of the budget) is left to the executor, one element at a time.
using System.Runtime.CompilerServices;
using HvRunner.Abstractions;

namespace HvRunner.Instructions;

public sealed unsafe partial class Processor
{
    /// <summary>So many bytes of a repeated instruction count as one instruction in the budget.</summary>
    private const int RepeatedBytesPerInstruction = 64;

    /// <summary>False: the executor is to go on, with the registers as they stand.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal bool MoveRepeatedly(int size)
    {
        if ((Rflags & Flag.Direction) != 0)
        {
            return false;
        }

        while (this[GeneralRegister.Rcx] != 0)
        {
            var source = this[GeneralRegister.Rsi];
            var target = this[GeneralRegister.Rdi];
            var bytes = RunLength(size, Math.Min(4096 - (source & 4095), 4096 - (target & 4095)));
            if (bytes == 0)
            {
                return false;
            }

            var from = LocateRead(source, bytes);
            var to = from == 0 ? 0 : LocateRunToWrite(target, bytes);
            if (to == 0)
            {
                return false;
            }

            if (to > from && to < from + bytes)
            {
                // The elements feed each other, so they go one by one.
                for (var i = 0; i < bytes; i += size)
                {
                    Buffer.MemoryCopy((void*)(from + i), (void*)(to + i), size, size);
                }
            }
            else
            {
                Buffer.MemoryCopy((void*)from, (void*)to, bytes, bytes);
            }

            this[GeneralRegister.Rsi] += (ulong)bytes;
            AdvanceRepeated(size, bytes);
        }

        return true;
    }

    /// <summary>False: the executor is to go on, with the registers as they stand.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal bool StoreRepeatedly(int size)
    {
        if ((Rflags & Flag.Direction) != 0)
        {
            return false;
        }

        while (this[GeneralRegister.Rcx] != 0)
        {
            var target = this[GeneralRegister.Rdi];
            var bytes = RunLength(size, 4096 - (target & 4095));
            var to = bytes == 0 ? 0 : LocateRunToWrite(target, bytes);
            if (to == 0)
            {
                return false;
            }

            var value = this[GeneralRegister.Rax];
            switch (size)
            {
                case 1:
                    new Span<byte>((void*)to, bytes).Fill((byte)value);
                    break;
                case 2:
                    new Span<ushort>((void*)to, bytes / 2).Fill((ushort)value);
                    break;
                case 4:
                    new Span<uint>((void*)to, bytes / 4).Fill((uint)value);
                    break;
                default:
                    new Span<ulong>((void*)to, bytes / 8).Fill(value);
                    break;
            }

            AdvanceRepeated(size, bytes);
        }

        return true;
    }

    private int RunLength(int size, ulong room)
    {
        if (Budget <= 0)
        {
            return 0;
        }

        var elements = Math.Min(this[GeneralRegister.Rcx], room / (ulong)size);
        return (int)elements * size;
    }

    private void AdvanceRepeated(int size, int bytes)
    {
        this[GeneralRegister.Rdi] += (ulong)bytes;
        this[GeneralRegister.Rcx] -= (ulong)(bytes / size);
        Budget -= bytes / RepeatedBytesPerInstruction;
    }
}
