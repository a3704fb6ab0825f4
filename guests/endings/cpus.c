/* The ending that starts and counts the machine's processors.
 *
 * INIT and start-up interrupts go to all processors but this one; each runs
 * the trampoline in real mode, which counts it and halts. Some time beyond the
 * last expected processor is waited for, to see one too many. Specification:
 * Intel SDM volume 3A, "Multiple-Processor Initialization". Deliberately
 * absent: addressing processors one by one, and giving them work. */
#include "endings.h"
#include "irq.h"
#include "lapic.h"
#include "option.h"
#include "print.h"
#include "tick.h"

#define TRAMPOLINE 0x8000u      /* a page in the first megabyte */

#define ICR_INIT 0x500
#define ICR_STARTUP 0x600
#define ICR_ASSERT 0x4000
#define ICR_BUSY 0x1000
#define ICR_ALL_BUT_SELF 0xc0000

#define PATIENCE (2 * TICKS_PER_SECOND)
#define GRACE (TICKS_PER_SECOND / 20)

extern const uint8_t trampoline[], trampoline_counter[], trampoline_end[];

static void send(uint32_t command)
{
    *lapic(LAPIC_ICR_LOW) = command | ICR_ASSERT | ICR_ALL_BUT_SELF;
    while (*lapic(LAPIC_ICR_LOW) & ICR_BUSY)
        ;
}

int end_cpus(const struct hvm_start_info *info, const char *argument)
{
    (void)argument;
    uint32_t expected = option_number(option(info, "cpus"), 1);

    /* The loader may keep the start info where the trampoline goes, so all
     * of it is read before. */
    uint8_t *page = (uint8_t *)TRAMPOLINE;
    for (uint32_t i = 0; trampoline + i < trampoline_end; i++)
        page[i] = trampoline[i];
    volatile uint32_t *started =
        (volatile uint32_t *)(page + (trampoline_counter - trampoline));

    irq_start();
    tick_start();
    send(ICR_INIT);
    wait_ticks(1);
    send(ICR_STARTUP | TRAMPOLINE >> 12);
    wait_ticks(1);
    send(ICR_STARTUP | TRAMPOLINE >> 12);       /* as the SDM has it; ignored
                                                   by those that run already */
    uint32_t start = ticks();
    while (*started + 1 < expected && ticks() - start < PATIENCE)
        wait_for_interrupt();
    wait_ticks(GRACE);

    uint32_t found = *started + 1;
    print("cpus: %u\n", found);
    return found == expected ? 0 : 1;
}
