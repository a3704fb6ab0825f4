/* Control registers, flags and model-specific registers at entry.
 *
 * CR0 has nothing but PE, and ET, which is hard-wired. PVH says nothing of CR3
 * and EFER beyond paging and long mode being off; zero is what loaders give.
 * MTRRdefType 0x806, enabled and write back, is what a processor that no
 * firmware prepares needs for its memory to be cached. Specification: Xen
 * docs/misc/pvh; Intel SDM volume 3A, chapters 2 and 11. Deliberately absent:
 * debug registers, CPUID. */
#include "boot_state.h"
#include "entry.h"

#define CR0_PE_ET 0x11u
#define EFLAGS_TF (1u << 8)
#define EFLAGS_IF (1u << 9)
#define EFLAGS_DF (1u << 10)
#define EFLAGS_VM (1u << 17)
#define MSR_MTRR_DEF_TYPE 0x2ff
#define MSR_EFER 0xc0000080
#define MTRR_ENABLED_WRITE_BACK 0x806

struct msr {
    uint32_t number;
    uint64_t value;
};

static void read_msr(void *argument)
{
    struct msr *msr = argument;
    __asm__ volatile("rdmsr" : "=A"(msr->value) : "c"(msr->number));
}

void check_processor(void)
{
    const struct entry_state *e = &entry_state;

    must(e->cr0 == CR0_PE_ET, "processor: CR0 is PE and ET alone (0x%x)", e->cr0);
    must(e->cr3 == 0, "processor: CR3 is zero (0x%x)", e->cr3);
    must(e->cr4 == 0, "processor: CR4 is zero (0x%x)", e->cr4);
    must(!(e->eflags & EFLAGS_VM), "processor: EFLAGS.VM is clear");
    must(!(e->eflags & EFLAGS_IF), "processor: EFLAGS.IF is clear");
    must(!(e->eflags & EFLAGS_TF), "processor: EFLAGS.TF is clear");
    must(!(e->eflags & EFLAGS_DF), "processor: EFLAGS.DF is clear");

    struct msr efer = { MSR_EFER, 0 };          /* absent is as good as zero */
    survives(read_msr, &efer);
    must(efer.value == 0, "processor: EFER is zero (0x%llx)", efer.value);

    struct msr mtrr = { MSR_MTRR_DEF_TYPE, 0 };
    bool readable = survives(read_msr, &mtrr);
    must_but_qemu(readable && mtrr.value == MTRR_ENABLED_WRITE_BACK,
                  "leaves the MTRRs to the guest",
                  "processor: MTRRdefType is enabled, write back (0x%llx)", mtrr.value);
}
