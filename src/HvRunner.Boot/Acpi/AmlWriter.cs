using System.Text;
using HvRunner.Boot.Platform;

namespace HvRunner.Boot.Acpi;

/// <summary>
/// Writes the little ACPI machine language that a static description needs (ACPI 6.5, section 20.2): named integers, strings, packages and buffers, scopes
/// and devices. No methods, fields or expressions.
/// </summary>
internal sealed class AmlWriter
{
    private const int NameOp = 0x08;
    private const int ScopeOp = 0x10;
    private const int BufferOp = 0x11;
    private const int PackageOp = 0x12;
    private const int ExtendedPrefix = 0x5b;
    private const int DeviceOp = 0x82;
    private const int BytePrefix = 0x0a;
    private const int WordPrefix = 0x0b;
    private const int DwordPrefix = 0x0c;
    private const int StringPrefix = 0x0d;
    private const int OneOp = 0x01;

    private readonly TableBytes _code = new();

    public byte[] ToArray() => _code.ToArray();

    /// <summary>Name (seg, value).</summary>
    public AmlWriter Name(string name, uint value)
    {
        _code.Byte(NameOp);
        Segment(name);
        return Integer(value);
    }

    /// <summary>Name (seg, "text").</summary>
    public AmlWriter Name(string name, string text)
    {
        _code.Byte(NameOp);
        Segment(name);
        _code.Byte(StringPrefix).Bytes(Encoding.ASCII.GetBytes(text)).Byte(0);
        return this;
    }

    /// <summary>Name (seg, Package { values }).</summary>
    public AmlWriter Package(string name, params ReadOnlySpan<uint> values)
    {
        var elements = new AmlWriter();
        elements._code.Byte(values.Length);
        foreach (var value in values)
        {
            elements.Integer(value);
        }

        _code.Byte(NameOp);
        Segment(name);
        _code.Byte(PackageOp);
        return Enclose(elements);
    }

    /// <summary>Name (seg, Buffer { bytes }).</summary>
    public AmlWriter Buffer(string name, ReadOnlySpan<byte> bytes)
    {
        var content = new AmlWriter().Integer((uint)bytes.Length);
        content._code.Bytes(bytes);
        _code.Byte(NameOp);
        Segment(name);
        _code.Byte(BufferOp);
        return Enclose(content);
    }

    /// <summary>Scope (seg) { body }.</summary>
    public AmlWriter Scope(string name, AmlWriter body)
    {
        var content = new AmlWriter();
        content.Segment(name);
        content._code.Bytes(body.ToArray());
        _code.Byte(ScopeOp);
        return Enclose(content);
    }

    /// <summary>Device (seg) { body }.</summary>
    public AmlWriter Device(string name, AmlWriter body)
    {
        var content = new AmlWriter();
        content.Segment(name);
        content._code.Bytes(body.ToArray());
        _code.Byte(ExtendedPrefix).Byte(DeviceOp);
        return Enclose(content);
    }

    private AmlWriter Integer(uint value)
    {
        switch (value)
        {
            case 0 or 1:
                _code.Byte(value == 0 ? 0 : OneOp);
                break;
            case <= byte.MaxValue:
                _code.Byte(BytePrefix).Byte((int)value);
                break;
            case <= ushort.MaxValue:
                _code.Byte(WordPrefix).UInt16((int)value);
                break;
            default:
                _code.Byte(DwordPrefix).UInt32(value);
                break;
        }

        return this;
    }

    /// <summary>A name of four characters, filled up with underscores.</summary>
    private void Segment(string name)
    {
        var valid = name.Length is >= 1 and <= 4 && !char.IsAsciiDigit(name[0]) && name.All(c => c == '_' || char.IsAsciiDigit(c) || char.IsAsciiLetterUpper(c));
        if (!valid)
        {
            throw new ArgumentException($"'{name}' is no ACPI name: expected one to four capital letters, digits and underscores, no digit first.");
        }

        _code.Bytes(Encoding.ASCII.GetBytes(name.PadRight(4, '_')));
    }

    /// <summary>PkgLength and what it counts, itself included: 6 bits in one byte, else 4 bits and up to three more bytes.</summary>
    private AmlWriter Enclose(AmlWriter content)
    {
        var length = content._code.Length;
        if (length + 1 < 1 << 6)
        {
            _code.Byte(length + 1);
        }
        else
        {
            var more = length + 2 < 1 << 12 ? 1 : length + 3 < 1 << 20 ? 2 : 3;
            var total = length + 1 + more;
            _code.Byte((more << 6) | (total & 0xf));
            for (var i = 0; i < more; i++)
            {
                _code.Byte(total >> (4 + (8 * i)));
            }
        }

        _code.Bytes(content.ToArray());
        return this;
    }
}
