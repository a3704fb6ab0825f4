using HvRunner.Boot.Platform;

namespace HvRunner.Boot.Acpi;

/// <summary>
/// The differentiated system description table: \_S5, so that an operating system can switch the machine off (ACPI 6.5, section 7.4.2.6), and the devices
/// below \_SB with _HID, _UID and _CRS.
/// </summary>
internal static class Dsdt
{
    private const byte Revision = 2;

    public static byte[] Make(AcpiDescription description)
    {
        var devices = new AmlWriter();
        foreach (var device in description.Devices)
        {
            devices.Device(device.Name, BodyOf(device));
        }

        var sleepType = description.FixedHardware.SoftOffSleepType;
        ArgumentOutOfRangeException.ThrowIfGreaterThan(sleepType, 7, nameof(description));
        var code = new AmlWriter().Package("_S5", sleepType, 0, 0, 0);
        if (description.Devices.Count != 0)
        {
            code.Scope("_SB", devices);
        }

        return AcpiTable.Close(AcpiTable.Open("DSDT", Revision).Bytes(code.ToArray()));
    }

    private static AmlWriter BodyOf(AcpiDevice device)
    {
        var body = new AmlWriter();
        if (TryEncodeEisaId(device.HardwareId, out var eisaId))
        {
            body.Name("_HID", eisaId);
        }
        else
        {
            body.Name("_HID", device.HardwareId);
        }

        if (device.UniqueId is { } uniqueId)
        {
            body.Name("_UID", uniqueId);
        }

        return device.Resources.Count == 0 ? body : body.Buffer("_CRS", ResourcesOf(device));
    }

    /// <summary>Resource descriptors (ACPI 6.5, section 6.4): 16-bit decoded ports, IRQs without flags, fixed memory; and the end tag.</summary>
    private static byte[] ResourcesOf(AcpiDevice device)
    {
        var bytes = new TableBytes();
        foreach (var resource in device.Resources)
        {
            switch (resource)
            {
                case AcpiPorts ports:
                    bytes.Byte(0x47).Byte(1).UInt16(ports.First).UInt16(ports.First).Byte(1).Byte(ports.Count);
                    break;
                case AcpiIrq irq:
                    bytes.Byte(0x22).UInt16(1 << irq.Irq);
                    break;
                case AcpiMemory memory:
                    bytes.Byte(0x86).UInt16(9).Byte(1).UInt32(memory.Address).UInt32(memory.SizeBytes);
                    break;
                default:
                    throw new ArgumentException($"the device {device.Name} has a resource of an unknown kind.");
            }
        }

        // A check sum of 0 says that there is none.
        return bytes.Byte(0x79).Byte(0).ToArray();
    }

    /// <summary>
    /// Three capital letters in 5 bits each and four hexadecimal digits, in the byte order of EISA (ACPI 6.5, section 19.6.36, "EISAID"). False for other ids,
    /// which stay text.
    /// </summary>
    private static bool TryEncodeEisaId(string id, out uint encoded)
    {
        encoded = 0;
        if (id.Length != 7 || !id.AsSpan(0, 3).ContainsOnlyCapitals() || !ushort.TryParse(id.AsSpan(3), System.Globalization.NumberStyles.AllowHexSpecifier, null, out var product))
        {
            return false;
        }

        var vendor = ((id[0] - '@') << 10) | ((id[1] - '@') << 5) | (id[2] - '@');
        encoded = System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(((uint)vendor << 16) | product);
        return true;
    }

    private static bool ContainsOnlyCapitals(this ReadOnlySpan<char> text) => !text.ContainsAnyExceptInRange('A', 'Z');
}
