namespace HvRunner.Abstractions;

/// <summary>What CPUID answers for one function and sub-function.</summary>
/// <param name="Function">EAX on entry.</param>
/// <param name="Index">ECX on entry; meaningful only with <paramref name="HasIndex"/>.</param>
/// <param name="HasIndex">The answer depends on ECX.</param>
/// <param name="Eax">EAX on return.</param>
/// <param name="Ebx">EBX on return.</param>
/// <param name="Ecx">ECX on return.</param>
/// <param name="Edx">EDX on return.</param>
public readonly record struct CpuidLeaf(uint Function, uint Index, bool HasIndex, uint Eax, uint Ebx, uint Ecx, uint Edx);
