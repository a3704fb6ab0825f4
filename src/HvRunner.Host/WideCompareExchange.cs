using HvRunner.Host.Interop;
using static HvRunner.Host.Interop.LibcConstants;

namespace HvRunner.Host;

/// <summary>
/// A 16-byte locked compare-and-exchange (CMPXCHG16B, SDM vol. 2A), which .NET does not offer and guest memory shared with running vCPUs
/// needs. Forty-odd bytes of machine code in a page of their own do it; a host that forbids executable mappings lacks the ability.
/// </summary>
internal static unsafe class WideCompareExchange
{
    /// <summary>int f(void *target, uint128 *expectedThenObserved, const uint128 *desired), System V calling convention.</summary>
    private static ReadOnlySpan<byte> Code =>
    [
        0x53,                         // push rbx
        0x49, 0x89, 0xd0,             // mov r8, rdx
        0x48, 0x8b, 0x06,             // mov rax, [rsi]
        0x48, 0x8b, 0x56, 0x08,       // mov rdx, [rsi+8]
        0x49, 0x8b, 0x18,             // mov rbx, [r8]
        0x49, 0x8b, 0x48, 0x08,       // mov rcx, [r8+8]
        0xf0, 0x48, 0x0f, 0xc7, 0x0f, // lock cmpxchg16b [rdi]
        0x48, 0x89, 0x06,             // mov [rsi], rax
        0x48, 0x89, 0x56, 0x08,       // mov [rsi+8], rdx
        0x0f, 0x94, 0xc0,             // sete al
        0x0f, 0xb6, 0xc0,             // movzx eax, al
        0x5b,                         // pop rbx
        0xc3,                         // ret
    ];

    private static readonly Lazy<nint> Entry = new(Install);

    /// <summary>Executes the instruction on 16-byte aligned memory; false when the host does not allow it.</summary>
    internal static bool TryExecute(void* target, UInt128 expected, UInt128 desired, out UInt128 observed)
    {
        observed = 0;
        var entry = (delegate* unmanaged<void*, UInt128*, UInt128*, int>)Entry.Value;
        if (entry is null)
        {
            return false;
        }

        _ = entry(target, &expected, &desired);
        observed = expected;
        return true;
    }

    private static nint Install()
    {
        var page = Libc.mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (page == -1)
        {
            return 0;
        }

        Code.CopyTo(new Span<byte>((void*)page, 4096));
        if (Libc.mprotect(page, 4096, PROT_READ | PROT_EXEC) == 0)
        {
            return page;
        }

        _ = Libc.munmap(page, 4096);
        return 0;
    }
}
