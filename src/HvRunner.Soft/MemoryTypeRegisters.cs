namespace HvRunner.Soft;

/// <summary>
/// MTRRs and PAT (SDM vol. 3A, 11.11 and 11.12): eight variable ranges, the fixed ranges, write combining. Kept for the guest that set them; memory types have
/// no effect on a processor without caches.
/// </summary>
internal sealed class MemoryTypeRegisters
{
    private const uint Capability = 0xfe;
    private const uint FirstVariable = 0x200;
    private const uint LastVariable = 0x20f;
    private const uint Fixed64K = 0x250;
    private const uint FirstFixed16K = 0x258;
    private const uint LastFixed16K = 0x259;
    private const uint FirstFixed4K = 0x268;
    private const uint LastFixed4K = 0x26f;
    private const uint Pat = 0x277;
    private const uint DefaultType = 0x2ff;

    private const ulong CapabilityValue = 0x508;
    private const ulong PatAtReset = 0x0007_0406_0007_0406;

    /// <summary>Fixed ranges enabled, MTRRs enabled, write-back: as firmware leaves it.</summary>
    private const ulong DefaultTypeAtStart = 0xc06;

    private const ulong DefaultTypeBits = 0xcff;
    private const ulong PhysicalBits = (1UL << 46) - 1;

    private readonly ulong[] _variable = new ulong[LastVariable - FirstVariable + 1];
    private readonly ulong[] _fixed = new ulong[1 + 2 + 8];
    private ulong _pat = PatAtReset;
    private ulong _defaultType = DefaultTypeAtStart;

    internal MemoryTypeRegisters()
    {
        const ulong AllWriteBack = 0x0606_0606_0606_0606;
        Array.Fill(_fixed, AllWriteBack);
    }

    internal bool TryRead(uint index, out ulong value)
    {
        value = 0;
        switch (index)
        {
            case Capability:
                value = CapabilityValue;
                return true;
            case Pat:
                value = _pat;
                return true;
            case DefaultType:
                value = _defaultType;
                return true;
            case >= FirstVariable and <= LastVariable:
                value = _variable[index - FirstVariable];
                return true;
            default:
                var slot = FixedSlot(index);
                value = slot < 0 ? 0 : _fixed[slot];
                return slot >= 0;
        }
    }

    internal MsrWrite TryWrite(uint index, ulong value)
    {
        switch (index)
        {
            case Capability:
                return MsrWrite.Refused;
            case Pat:
                return AreTypes(value, allowsUncachedMinus: true) ? Set(ref _pat, value) : MsrWrite.Refused;
            case DefaultType:
                return (value & ~DefaultTypeBits) == 0 && IsType((byte)value, false) ? Set(ref _defaultType, value) : MsrWrite.Refused;
            case >= FirstVariable and <= LastVariable:
                // A base has a type in its low byte, a mask its valid bit 11.
                var isMask = (index & 1) != 0;
                var isValid = (value & ~PhysicalBits) == 0 && (isMask ? (value & 0x7ff) == 0 : (value & 0xf00) == 0 && IsType((byte)value, false));
                return isValid ? Set(ref _variable[index - FirstVariable], value) : MsrWrite.Refused;
            default:
                var slot = FixedSlot(index);
                return slot < 0 ? MsrWrite.Unknown : AreTypes(value, allowsUncachedMinus: false) ? Set(ref _fixed[slot], value) : MsrWrite.Refused;
        }
    }

    private static MsrWrite Set(ref ulong register, ulong value)
    {
        register = value;
        return MsrWrite.Taken;
    }

    private static int FixedSlot(uint index) => index switch
    {
        Fixed64K => 0,
        >= FirstFixed16K and <= LastFixed16K => 1 + (int)(index - FirstFixed16K),
        >= FirstFixed4K and <= LastFixed4K => 3 + (int)(index - FirstFixed4K),
        _ => -1,
    };

    private static bool AreTypes(ulong value, bool allowsUncachedMinus)
    {
        for (var i = 0; i < 8; i++)
        {
            if (!IsType((byte)(value >> (8 * i)), allowsUncachedMinus))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Uncached, write combining, write through, write protected, write back; uncached minus in PAT alone.</summary>
    private static bool IsType(byte type, bool allowsUncachedMinus) => type is 0 or 1 or 4 or 5 or 6 || (type == 7 && allowsUncachedMinus);
}
