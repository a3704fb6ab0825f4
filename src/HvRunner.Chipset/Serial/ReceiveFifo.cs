// The receiver FIFO of the 16550A: 16 bytes, each with the line errors it arrived with (data sheet, section 8.11). With the FIFOs off
// the same storage serves as the one-byte receiver buffer.

using HvRunner.Abstractions;

namespace HvRunner.Chipset.Serial;

internal sealed class ReceiveFifo
{
    public const int Size = 16;

    private readonly byte[] _bytes = new byte[Size];
    private readonly LineStatus[] _errors = new LineStatus[Size];
    private int _first;
    private int _errorCount;

    public int Count { get; private set; }

    /// <summary>At least one byte in the FIFO carries an error.</summary>
    public bool HasErrors => _errorCount > 0;

    /// <summary>The errors of the byte that is read next; none when there is no byte.</summary>
    public LineStatus TopErrors => Count == 0 ? LineStatus.None : _errors[_first];

    /// <summary>The caller has checked that there is room.</summary>
    public void Push(byte value, LineStatus errors)
    {
        var slot = (_first + Count) % Size;
        _bytes[slot] = value;
        _errors[slot] = errors;
        _errorCount += errors == LineStatus.None ? 0 : 1;
        Count++;
    }

    /// <summary>The caller has checked that there is a byte.</summary>
    public byte Pop()
    {
        var value = _bytes[_first];
        ClearTopErrors();
        _first = (_first + 1) % Size;
        Count--;
        return value;
    }

    /// <summary>The byte on top has shown its errors; they count no more.</summary>
    public void ClearTopErrors()
    {
        if (TopErrors != LineStatus.None)
        {
            _errors[_first] = LineStatus.None;
            _errorCount--;
        }
    }

    public void Clear()
    {
        Array.Clear(_errors);
        _first = 0;
        _errorCount = 0;
        Count = 0;
    }

    public void Save(StateWriter writer)
    {
        writer.Byte((byte)Count);
        for (var i = 0; i < Count; i++)
        {
            var slot = (_first + i) % Size;
            writer.Byte(_bytes[slot]);
            writer.Byte((byte)_errors[slot]);
        }
    }

    public void Load(StateReader reader)
    {
        Clear();
        var count = reader.Byte();
        if (count > Size)
        {
            throw new StateFormatException($"saved state holds {count} bytes in a receiver FIFO of {Size}");
        }

        for (var i = 0; i < count; i++)
        {
            var value = reader.Byte();
            Push(value, (LineStatus)reader.Byte() & LineStatus.Errors);
        }
    }
}
