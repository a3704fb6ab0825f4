using System.Text.Json;
using HvRunner.Boot;

namespace HvRunner.Cli;

/// <summary>An inspection for programs: one JSON object.</summary>
internal static class InspectionJson
{
    internal static void Write(Stream output, KernelInspection inspection)
    {
        using var json = new Utf8JsonWriter(output, new JsonWriterOptions { Indented = true });
        json.WriteStartObject();
        json.WriteString("path", inspection.Name);
        json.WriteNumber("bytes", inspection.LengthBytes);
        json.WriteString("format", inspection.Format);
        json.WriteString("compression", inspection.Compression);
        json.WriteString("version", inspection.Version);
        json.WriteBoolean("linux", inspection.IsLinux);
        json.WriteString("elfEntry", inspection.ElfEntry is { } entry ? $"0x{entry:x}" : null);
        json.WriteString("pvhEntry", inspection.PvhEntry?.ToString());
        json.WriteStartArray("segments");
        foreach (var segment in inspection.Segments)
        {
            json.WriteStartObject();
            json.WriteNumber("index", segment.Index);
            json.WriteString("physicalAddress", segment.PhysicalAddress.ToString());
            json.WriteString("virtualAddress", $"0x{segment.VirtualAddress:x}");
            json.WriteString("fileSize", $"0x{segment.FileSize:x}");
            json.WriteString("memorySize", $"0x{segment.MemorySize:x}");
            json.WriteNumber("flags", segment.Flags);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartArray("notes");
        foreach (var note in inspection.Notes)
        {
            json.WriteStartObject();
            json.WriteString("owner", note.Owner);
            json.WriteNumber("type", note.Type);
            json.WriteNumber("descriptorSize", note.DescriptorSize);
            json.WriteString("foundIn", note.InSegment ? "segment" : "section");
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartArray("protocols");
        foreach (var offer in inspection.Offers)
        {
            json.WriteStartObject();
            json.WriteString("name", offer.Protocol);
            json.WriteBoolean("offered", offer.Offered);
            json.WriteString("sentence", offer.Sentence);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteString("chosen", inspection.Chosen);
        json.WriteString("reason", inspection.Reason);
        json.WriteEndObject();
        json.Flush();
        output.WriteByte((byte)'\n');
    }
}
