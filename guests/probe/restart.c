/* Whether a processor starts again that INIT stopped while its task priority held a
 * request back.
 *
 * The second processor goes through the trampoline, which counts its starts, sets its
 * task priority and sees a request in its own IRR that it does not take. One that INIT
 * and a start-up interrupt do not start then may be lost for good, so this is asked
 * last. The APIC timer is the clock, and the number of its readings has a bound, should
 * it stand still. Specification: Intel SDM volume 3A, "Local APIC State After It
 * Receives an INIT-Deassert IPI", 3C, "VM Exits Induced by the TPR Threshold".
 * Deliberately absent: a third processor; where there is no second one, the question is
 * not answered. */
#include "probe.h"
#include "lapic.h"

#define TRAMPOLINE 0x8000u      /* a page in the first megabyte */
#define VECTOR 0x50
#define HIGHEST 0xf0

enum { TPR = 0x080, CURRENT = 0x390, MASKED = 0x10000, ENABLED = 0x1ff, DIVIDE_BY_1 = 0xb };
enum { FIXED = 0xc4000, INIT = 0xc4500, STARTUP = 0xc4600 };   /* asserted, to all but self */
enum { MILLISECOND = 1000000, PATIENCE = 100 * MILLISECOND };  /* of a timer with 1 GHz */

#define READINGS 40000          /* of the timer; each is an exit, of a microsecond at least */
#define PAUSES 50               /* between two of them */

extern const uint8_t trampoline[], trampoline_counter[], trampoline_end[];

/* trampoline.S enters through this. */
void second_main(void);

static volatile uint32_t ready, held;

static inline void relax(void)
{
    __asm__ volatile("pause" : : : "memory");
}

void second_main(void)
{
    *lapic(LAPIC_SPURIOUS) = ENABLED;
    *lapic(TPR) = HIGHEST;
    ready = 1;
    while (!requested(VECTOR))
        relax();
    held = 1;
    for (;;)
        relax();
}

static bool becomes(const volatile uint32_t *word, uint32_t wanted, uint32_t counts)
{
    *lapic(LAPIC_INITIAL_COUNT) = ~0u;
    for (int i = 0; i < READINGS && *word != wanted && ~0u - *lapic(CURRENT) < counts; i++)
        for (int k = 0; k < PAUSES && *word != wanted; k++)
            relax();
    return *word == wanted;
}

static void send(uint32_t command)
{
    *lapic(LAPIC_ICR_LOW) = command;
}

void probe_restart(void)
{
    /* The loader may have kept the start info there, which has been read. */
    uint8_t *page = (uint8_t *)TRAMPOLINE;
    for (uint32_t i = 0; trampoline + i < trampoline_end; i++)
        page[i] = trampoline[i];
    volatile uint32_t *starts = (volatile uint32_t *)(page + (trampoline_counter - trampoline));

    *lapic(LAPIC_SPURIOUS) = ENABLED;
    *lapic(LAPIC_TIMER) = MASKED;
    *lapic(LAPIC_DIVIDE) = DIVIDE_BY_1;
    send(INIT);
    becomes(starts, 1, MILLISECOND);
    send(STARTUP | TRAMPOLINE >> 12);
    if (becomes(&ready, 1, PATIENCE)) {
        send(FIXED | VECTOR);
        if (becomes(&held, 1, PATIENCE)) {
            send(INIT);
            becomes(starts, 2, MILLISECOND);
            send(STARTUP | TRAMPOLINE >> 12);
            rule("startsWithRaisedPriority", becomes(starts, 2, PATIENCE));
        }
        send(INIT);
    }
    *lapic(LAPIC_INITIAL_COUNT) = 0;
}
