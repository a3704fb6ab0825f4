// Data access: segmentation and canonical checks (SDM vol. 3A, 5.3 to 5.5; vol. 1, 3.3.7.1), then translation of every page that the access
// touches, then the access itself. An access of up to 4 KiB touches at most two pages. Alignment checks apply at CPL 3 only (vol. 3A, 6.15).
// Deliberately not done: limit checks of 64-bit mode (there are none), atomicity of locked operands that cross a page or lie in a device.
using System.Buffers.Binary;
using HvRunner.Abstractions;

namespace HvRunner.Instructions;

/// <summary>Where an operand lies in physical memory: one run of bytes, or two when it crosses into another page.</summary>
internal struct PhysicalSpan
{
    public ulong First;
    public ulong Second;
    public int FirstLength;
    public int Length;
}

internal ref partial struct Execution<TMemory, THost>
{
    private readonly bool IsCanonical(ulong address)
    {
        var unused = (_state.Cr4 & ControlBit.Cr4La57) != 0 ? 7 : 16;
        return (ulong)((long)(address << unused) >> unused) == address;
    }

    /// <summary>The linear address of segment:offset for an access of <paramref name="size"/> bytes; records #GP or #SS otherwise.</summary>
    private bool TryGetLinear(SegmentName segment, ulong offset, int size, Access access, out ulong linear)
    {
        ref var register = ref _state.Segments[(int)segment];
        var vector = segment == SegmentName.Ss ? ExceptionVector.StackFault : ExceptionVector.GeneralProtection;
        if (_is64)
        {
            linear = segment is SegmentName.Fs or SegmentName.Gs ? register.Base + offset : offset;
            return (IsCanonical(linear) && IsCanonical(linear + (ulong)(size - 1))) || Refuse(vector, 0);
        }

        offset = (uint)offset;
        linear = (uint)(register.Base + offset);
        var type = register.Type;
        var isCode = (type & 8) != 0;
        if (_isProtected)
        {
            // In a code segment bit 1 permits reading, in a data segment writing.
            var denied = (access & Access.Write) != 0 ? isCode || (type & 2) == 0 : isCode && (type & 2) == 0;
            if (register.Unusable || denied)
            {
                return Refuse(vector, 0);
            }
        }

        var last = offset + (ulong)(size - 1);
        var expandsDown = !isCode && (type & 4) != 0 && _isProtected;
        var inside = expandsDown
            ? offset > register.Limit && last <= (register.Default32 ? uint.MaxValue : 0xffffUL)
            : last <= register.Limit;
        return inside || Refuse(vector, 0);
    }

    /// <summary>
    /// As <see cref="TryGetLinear"/>, for a memory operand that has to be aligned: #GP where it is not. In 64-bit mode that is looked at first, so it is #GP
    /// also where the stack's segment would have #SS; so AMD's processors do, and the manuals give no order.
    /// </summary>
    private bool TryGetAligned(ulong offset, int size, int alignment, Access access, out ulong linear)
    {
        var isFound = TryGetLinear(MemorySegment, offset, size, access, out linear);
        return (linear & (ulong)(alignment - 1)) != 0 && (isFound || _is64) ? Refuse(ExceptionVector.GeneralProtection, 0) : isFound;
    }

    /// <summary>Translates all of <paramref name="size"/> bytes, at most 4096, from <paramref name="linear"/> on.</summary>
    private bool TryTranslate(ulong linear, int size, Access access, out PhysicalSpan span)
    {
        span = default;
        span.Length = size;
        span.FirstLength = (int)Math.Min((ulong)size, 4096 - (linear & 4095));
        if (_watchesData && (access & Access.Implicit) == 0)
        {
            NoteData(linear, size, access);
        }

        if (!TryTranslatePage(linear, access, out span.First))
        {
            return false;
        }

        if (span.FirstLength == size)
        {
            return true;
        }

        var next = linear + (ulong)span.FirstLength;
        return TryTranslatePage(_is64 ? next : (uint)next, access, out span.Second);
    }

    private readonly void ReadSpan(in PhysicalSpan span, Span<byte> data)
    {
        ReadPhysical(span.First, data[..span.FirstLength]);
        if (span.FirstLength != span.Length)
        {
            ReadPhysical(span.Second, data[span.FirstLength..]);
        }
    }

    private readonly void WriteSpan(in PhysicalSpan span, ReadOnlySpan<byte> data)
    {
        _memory.TryWrite(span.First, data[..span.FirstLength]);
        if (span.FirstLength != span.Length)
        {
            _memory.TryWrite(span.Second, data[span.FirstLength..]);
        }
    }

    private readonly ulong ReadSpan(in PhysicalSpan span)
    {
        Span<byte> bytes = stackalloc byte[8];
        ReadSpan(span, bytes[..span.Length]);
        return BinaryPrimitives.ReadUInt64LittleEndian(bytes) & Width.Mask(span.Length);
    }

    private readonly void WriteSpan(in PhysicalSpan span, ulong value)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        WriteSpan(span, bytes[..span.Length]);
    }

    /// <summary>Segment checks, alignment check and translation for a data operand.</summary>
    private bool TryLocate(SegmentName segment, ulong offset, int size, Access access, out PhysicalSpan span) =>
        TryLocate(segment, offset, size, size is 2 or 4 or 8 ? size : 1, access, out span);

    /// <summary>As the other form, for an operand whose alignment is not its size: far pointers, x87 numbers and environments.</summary>
    private bool TryLocate(SegmentName segment, ulong offset, int size, int alignment, Access access, out PhysicalSpan span)
    {
        span = default;
        return TryGetLinear(segment, offset, size, access, out var linear) && TryCheckAlignment(linear, alignment) &&
            TryTranslate(linear, size, access, out span);
    }

    /// <summary>#AC, where it is enabled, for an operand that is not aligned as its type wants (SDM vol. 3A, table 6-7).</summary>
    private bool TryCheckAlignment(ulong linear, int alignment) =>
        (linear & (ulong)(alignment - 1)) == 0 || _cpl != 3 || (_state.Rflags & Flag.AlignmentCheck) == 0 ||
        (_state.Cr0 & ControlBit.Cr0Am) == 0 || Refuse(ExceptionVector.AlignmentCheck, 0);

    private bool TryReadMemory(SegmentName segment, ulong offset, int size, out ulong value)
    {
        value = 0;
        if (!TryLocate(segment, offset, size, Access.Read, out var span))
        {
            return false;
        }

        value = ReadSpan(span);
        return true;
    }

    /// <summary>Reads a system table (GDT, IDT, TSS) by linear address, as the processor itself does.</summary>
    private bool TryReadSystem(ulong linear, int size, out ulong value)
    {
        value = 0;
        if (!TryTranslate(_is64Capable ? linear : (uint)linear, size, Access.Implicit, out var span))
        {
            return false;
        }

        value = ReadSpan(span);
        return true;
    }

    private readonly bool _is64Capable => (_state.Efer & ControlBit.EferLma) != 0;
}

/// <summary>Operand widths in bytes and what follows from them.</summary>
internal static class Width
{
    /// <summary>All bits of an operand of 1 to 8 bytes.</summary>
    public static ulong Mask(int size) => ulong.MaxValue >> (64 - (8 * size));

    /// <summary>The sign bit of an operand.</summary>
    public static ulong SignBit(int size) => 1UL << ((8 * size) - 1);

    /// <summary>The operand's value with its sign extended to 64 bits.</summary>
    public static ulong SignExtend(ulong value, int size)
    {
        var shift = 64 - (8 * size);
        return (ulong)((long)(value << shift) >> shift);
    }
}
