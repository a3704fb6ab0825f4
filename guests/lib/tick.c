/* The periodic tick: channel 0 of the 8254, 100 times a second.
 *
 * Mode 2 divides 1193182 Hz by the reload value, and its output raises IRQ 0.
 * 100 Hz leaves an interpreted processor time between two ticks. Specification:
 * Intel 8254 data sheet. Deliberately absent: reading the count, one-shots,
 * and channels 1 and 2. */
#include "tick.h"
#include "irq.h"
#include "ports.h"

#define CHANNEL_0 0x40
#define CONTROL 0x43
#define FREQUENCY 1193182u
#define CHANNEL_0_LOW_HIGH_MODE_2 0x34

static volatile uint32_t count;

static void on_tick(void)
{
    count++;
}

void tick_start(void)
{
    uint16_t reload = (FREQUENCY + TICKS_PER_SECOND / 2) / TICKS_PER_SECOND;

    outb(CONTROL, CHANNEL_0_LOW_HIGH_MODE_2);
    outb(CHANNEL_0, (uint8_t)reload);
    outb(CHANNEL_0, (uint8_t)(reload >> 8));
    irq_handle(TICK_IRQ, on_tick);
}

uint32_t ticks(void)
{
    return count;
}

/* A busy host may deliver a second tick before the first one's sleeper looks,
 * so the end need not be seen exactly. */
void wait_ticks(uint32_t more)
{
    for (uint32_t start = count; count - start < more; )
        wait_for_interrupt();
}
