/* Segment registers, the task register and the descriptor table at entry.
 *
 * Each is judged by the descriptor that its selector names in the table that
 * GDTR points to, and the data segments, which start.S leaves alone, by what
 * they reach: a base of zero, writable, up to the last byte of 4 GiB.
 * Specification: Xen docs/misc/pvh; Intel SDM volume 3A, chapter 3.
 * Deliberately absent: LDTR, which PVH does not mention. */
#include "boot_state.h"
#include "entry.h"

struct descriptor {
    uint32_t base, limit;       /* the limit in bytes */
    uint32_t rights;            /* as LAR gives them, less limit 19:16 */
};

enum {
    RIGHTS_ACCESSED = 0x00000100,
    FLAT_CODE = 0x00c09a00,     /* G, D, present, DPL 0, code, readable */
    FLAT_DATA = 0x00c09200,     /* G, B, present, DPL 0, data, writable */
    BUSY_TSS = 0x00008b00,      /* present, DPL 0, busy 32-bit TSS */
    TSS_LIMIT = 0x67,
};

static bool in_table(uint32_t selector)
{
    return selector > 7 && (selector & 7) == 0 && selector + 7 <= entry_state.gdtr.limit;
}

static struct descriptor descriptor(uint32_t selector)
{
    const uint32_t *entry = (const uint32_t *)(entry_state.gdtr.base + selector);
    uint32_t limit = (entry[0] & 0xffff) | (entry[1] & 0xf0000);
    return (struct descriptor){
        .base = entry[0] >> 16 | (entry[1] & 0xff) << 16 | (entry[1] & 0xff000000),
        .limit = entry[1] & 0x800000 ? limit << 12 | 0xfff : limit,
        .rights = entry[1] & 0xf0ff00,
    };
}

static void check_flat(const char *name, uint32_t selector, uint32_t rights)
{
    struct descriptor d = { 0, 0, 0 };
    bool found = in_table(selector);
    if (found)
        d = descriptor(selector);
    must(found, "segments: %s is in the GDT (0x%x)", name, selector);
    must(found && d.base == 0 && d.limit == 0xffffffff,
         "segments: %s is flat (base 0x%x, limit 0x%x)", name, d.base, d.limit);
    must(found && (d.rights & ~(uint32_t)RIGHTS_ACCESSED) == rights,
         "segments: %s has the right type (0x%06x)", name, d.rights);
}

/* Through one segment register: reads a word of this image, writes one, and
 * reads the last word of 4 GiB, whatever is there. */
struct reach {
    volatile uint32_t known, written;
    uint32_t read;
};

#define REACH_THROUGH(segment) \
    static void reach_##segment(void *argument) \
    { \
        struct reach *reach = argument; \
        uint32_t last; \
        __asm__ volatile("movl %%" #segment ":(%2), %0\n\t" \
                         "movl %0, %%" #segment ":(%3)\n\t" \
                         "movl %%" #segment ":(%4), %1" \
                         : "=&r"(reach->read), "=&r"(last) \
                         : "r"(&reach->known), "r"(&reach->written), "r"(0xfffffffc) \
                         : "memory"); \
    }

REACH_THROUGH(ds)
REACH_THROUGH(es)
REACH_THROUGH(fs)
REACH_THROUGH(gs)

static void check_reach(const char *name, void (*access)(void *))
{
    struct reach reach = { 0x12345678, 0, 0 };
    bool survived = survives(access, &reach);
    must(survived && reach.read == 0x12345678 && reach.written == 0x12345678,
         "segments: %s reads, writes and reaches the end of 4 GiB", name);
}

void check_segments(void)
{
    const struct entry_state *e = &entry_state;

    check_flat("CS", e->cs, FLAT_CODE);
    check_flat("DS", e->ds, FLAT_DATA);
    check_flat("ES", e->es, FLAT_DATA);
    check_flat("SS", e->ss, FLAT_DATA);
    check_flat("FS", e->fs, FLAT_DATA);
    check_flat("GS", e->gs, FLAT_DATA);
    check_reach("DS", reach_ds);
    check_reach("ES", reach_es);
    check_reach("FS", reach_fs);
    check_reach("GS", reach_gs);
}

#define TASK "leaves TR to the guest"

void check_task_register(void)
{
    uint32_t selector = entry_state.tr;
    struct descriptor d = { 0, 0, 0 };
    bool found = in_table(selector);
    if (found)
        d = descriptor(selector);
    must_but_qemu(found, TASK, "task: TR is in the GDT (0x%x)", selector);
    must_but_qemu(found && d.base == 0 && d.limit == TSS_LIMIT, TASK,
                  "task: TR has base 0 and limit 0x67 (0x%x, 0x%x)", d.base, d.limit);
    must_but_qemu(found && d.rights == BUSY_TSS, TASK,
                  "task: TR names a busy 32-bit TSS (0x%06x)", d.rights);
}

/* What LAR and LSL say of a selector in the entry's table. */
static bool lar_lsl(uint32_t selector, uint32_t rights, uint32_t limit)
{
    uint32_t found_rights = 0, found_limit = 0;
    bool lar, lsl;

    __asm__ volatile("lgdt %0" : : "m"(entry_state.gdtr));
    __asm__ volatile("lar %2, %1" : "=@ccz"(lar), "+r"(found_rights) : "r"(selector));
    __asm__ volatile("lsl %2, %1" : "=@ccz"(lsl), "+r"(found_limit) : "r"(selector));
    __asm__ volatile("lgdt %0" : : "m"(own_gdt));
    return lar && lsl && found_limit == limit
        && (found_rights & 0xf0ff00 & ~(uint32_t)RIGHTS_ACCESSED)
           == (rights & ~(uint32_t)RIGHTS_ACCESSED);
}

void check_descriptor_access(void)
{
    must(lar_lsl(entry_state.cs, FLAT_CODE, 0xffffffff), "segments: LAR and LSL accept CS");
    must(lar_lsl(entry_state.ds, FLAT_DATA, 0xffffffff), "segments: LAR and LSL accept DS");
    must_but_qemu(lar_lsl(entry_state.tr, BUSY_TSS, TSS_LIMIT), TASK,
                  "task: LAR and LSL accept TR");
}
