/* Instructions that processors have, and instruction emulators often have not.
 *
 * A hypervisor that refuses one leaves it to the monitor, which counts what it
 * completes; the monitor compares. The line before an instruction says what is
 * tried, the one behind the last that all came to an end.
 * Specification: Intel SDM volume 2. Deliberately absent: x87 and SSE,
 * and system calls. */
#include "probe.h"

#define LEAF_1_ECX_POPCNT (1u << 23)
#define LEAF_7_EBX_SMAP (1u << 20)

static void cpuid(uint32_t leaf, uint32_t *ebx, uint32_t *ecx, uint32_t *highest)
{
    uint32_t eax = leaf, edx;

    *ecx = 0;
    __asm__ volatile("cpuid" : "+a"(eax), "=b"(*ebx), "+c"(*ecx), "=d"(edx));
    *highest = eax;
}

static void try_popcnt(void)
{
    uint32_t count;

    say("try popcnt\n");
    __asm__ volatile("popcnt %1, %0" : "=r"(count) : "r"(0xf0f0u) : "cc");
    if (count != 8)
        say("wrong popcnt\n");
}

void probe_instructions(void)
{
    uint32_t ebx, ecx, highest, ignored;

    cpuid(0, &ebx, &ecx, &highest);
    cpuid(1, &ebx, &ecx, &ignored);
    if (ecx & LEAF_1_ECX_POPCNT)
        try_popcnt();
    if (highest >= 7) {
        cpuid(7, &ebx, &ecx, &ignored);
        if (ebx & LEAF_7_EBX_SMAP) {
            say("try clac\n");
            __asm__ volatile("clac");
        }
    }
    say("tried\n");
}
