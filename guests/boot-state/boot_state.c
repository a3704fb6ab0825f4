/* The guest that judges its own birth: is all as PVH promises?
 *
 * start.S recorded the registers at the entry point; each part below checks
 * some of what a loader owes and reports in TAP, status 0 or 1. With the word
 * peer=qemu, points that QEMU's microvm is known to leave undone are "todo".
 * Specification: Xen docs/misc/pvh and start_info.h. Deliberately absent:
 * devices, and whatever PVH leaves open, such as the other general registers,
 * which are only noted. */
#include "boot_state.h"
#include "entry.h"
#include "option.h"
#include "serial.h"

bool peer_is_qemu;

static void note_entry(const struct entry_state *e)
{
    tap_note("eax %08x ebx %08x ecx %08x edx %08x", e->eax, e->ebx, e->ecx, e->edx);
    tap_note("esi %08x edi %08x ebp %08x esp %08x", e->esi, e->edi, e->ebp, e->esp);
    tap_note("eflags %08x cr0 %08x cr3 %08x cr4 %08x", e->eflags, e->cr0, e->cr3, e->cr4);
    tap_note("cs %04x ds %04x es %04x ss %04x fs %04x gs %04x tr %04x",
             e->cs, e->ds, e->es, e->ss, e->fs, e->gs, e->tr);
    tap_note("gdtr %08x limit %04x idtr %08x limit %04x",
             e->gdtr.base, e->gdtr.limit, e->idtr.base, e->idtr.limit);
}

int guest_main(const struct hvm_start_info *info)
{
    serial_start();
    note_entry(&entry_state);

    must(info->magic == START_INFO_MAGIC, "EBX points to start info");
    if (info->magic != START_INFO_MAGIC)
        return tap_end();       /* nothing it points to can be relied on */
    peer_is_qemu = option_is(option(info, "peer"), "qemu");

    survives_start();
    check_start_info(info);
    check_memory_map(info);
    check_modules(info);
    check_image();
    check_processor();
    check_segments();
    check_task_register();
    /* KVM's instruction emulator refuses LAR and LSL, so only on demand. */
    if (option_is(option(info, "lar"), "on"))
        check_descriptor_access();

    int status = tap_end();
    serial_drain();
    return status;
}
