namespace HvRunner.Boot.Elf;

// The numbers of the ELF format (gABI 4.1, chapters 4 and 5) that a boot loader meets; everything else is passed over.

/// <summary>EI_CLASS: the width of addresses in the file.</summary>
public enum ElfClass
{
    /// <summary>ELFCLASS32.</summary>
    Elf32 = 1,

    /// <summary>ELFCLASS64.</summary>
    Elf64 = 2,
}

/// <summary>e_type: what kind of file it is. Other values occur.</summary>
public enum ElfType : ushort
{
    /// <summary>ET_REL: an object file that still has to be linked.</summary>
    Relocatable = 1,

    /// <summary>ET_EXEC: linked to fixed addresses.</summary>
    Executable = 2,

    /// <summary>ET_DYN: position-independent.</summary>
    Dynamic = 3,

    /// <summary>ET_CORE: a memory dump.</summary>
    Core = 4,
}

/// <summary>e_machine: whose instructions. Other values occur.</summary>
public enum ElfMachine : ushort
{
    /// <summary>EM_386.</summary>
    I386 = 3,

    /// <summary>EM_X86_64.</summary>
    X8664 = 62,
}

internal static class ElfSegmentType
{
    public const uint Load = 1;
    public const uint Note = 4;
}

internal static class ElfSectionType
{
    public const uint SymbolTable = 2;
    public const uint StringTable = 3;
    public const uint Note = 7;
}

internal static class ElfMachineName
{
    /// <summary>The machine as people know it.</summary>
    public static string Of(ElfMachine machine) => (int)machine switch
    {
        3 => "i386",
        8 => "MIPS",
        20 or 21 => "PowerPC",
        22 => "s390",
        40 => "ARM",
        62 => "x86-64",
        183 => "AArch64",
        243 => "RISC-V",
        258 => "LoongArch",
        var other => $"machine {other}",
    };
}
