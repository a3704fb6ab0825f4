using System.Buffers.Binary;

namespace HvRunner.VmTests.Harness;

/// <summary>Runs of the guests, by name.</summary>
internal static class Guests
{
    /// <summary>Byte i of what the flood endings send is i modulo this.</summary>
    internal const int FloodPeriod = 251;

    /// <summary>Arguments that run <c>endings</c> to one of its ends; options go before the words.</summary>
    internal static string[] Ending(string name, params string[] options) =>
        ["run", "--memory", "16M", .. options, Artifacts.Guest("endings"), "--", $"end={name}"];

    internal static Task<HvrunResult> EndAsync(string name, params string[] options) => HvrunProcess.RunAsync(Ending(name, options));

    /// <summary>
    /// The endings guest with a further ELF note, that of a Linux kernel: all notes are copied behind the file's end, and the note segment is moved
    /// there.
    /// </summary>
    internal static byte[] EndingsAsLinux()
    {
        const int NoteSegment = 4;
        var file = File.ReadAllBytes(Artifacts.Guest("endings")).ToList();
        while (file.Count % 4 != 0)
        {
            file.Add(0);
        }

        var image = file.ToArray();
        int Word(int offset) => BinaryPrimitives.ReadInt32LittleEndian(image.AsSpan(offset));
        var table = Word(0x1c);
        var size = BinaryPrimitives.ReadUInt16LittleEndian(image.AsSpan(0x2a));
        var count = BinaryPrimitives.ReadUInt16LittleEndian(image.AsSpan(0x2c));
        var header = Enumerable.Range(0, count).Select(i => table + (i * size)).Single(offset => Word(offset) == NoteSegment);
        byte[] linux = [6, 0, 0, 0, 4, 0, 0, 0, 0, 1, 0, 0, .. "Linux\0\0\0"u8, 0, 0, 0, 0];
        byte[] notes = [.. image.AsSpan(Word(header + 4), Word(header + 16)), .. linux];
        BinaryPrimitives.WriteInt32LittleEndian(image.AsSpan(header + 4), image.Length);
        BinaryPrimitives.WriteInt32LittleEndian(image.AsSpan(header + 16), notes.Length);
        return [.. image, .. notes];
    }
}
