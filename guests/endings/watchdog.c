/* The endings that are about a watchdog: one that fires, and one that is
 * stopped in time.
 *
 * The IB700's watchdog counts down from the value written to port 0x443, in
 * steps of 2 seconds from 15 (none) to 0 (30 seconds); a further write feeds
 * it, and any write to port 0x441 stops it. Specification: the table in the
 * Linux kernel's drivers/watchdog/ib700wdt.c. Deliberately absent: finding out
 * whether there is one, which its ports do not say. */
#include "endings.h"
#include "irq.h"
#include "option.h"
#include "ports.h"
#include "tick.h"

#define WATCHDOG_STOP 0x441
#define WATCHDOG_START 0x443

#define NO_TIME 15
#define STEP_SECONDS 2

static void feed(uint32_t seconds)
{
    outb(WATCHDOG_START, (uint8_t)(NO_TIME - seconds / STEP_SECONDS));
}

int end_watchdog(const struct hvm_start_info *info, const char *argument)
{
    uint32_t seconds = option_number(argument, STEP_SECONDS);

    (void)info;
    irq_start();
    tick_start();
    feed(seconds);
    if (seconds > 0) {
        wait_ticks(TICKS_PER_SECOND);
        feed(seconds);
    }
    wait_ticks((seconds + 1) * TICKS_PER_SECOND);
    return STILL_RUNNING;
}

int end_watchdog_stop(const struct hvm_start_info *info, const char *argument)
{
    (void)info, (void)argument;
    irq_start();
    tick_start();
    feed(STEP_SECONDS);
    wait_ticks(TICKS_PER_SECOND / 2);
    outb(WATCHDOG_STOP, 0);
    wait_ticks((STEP_SECONDS + 1) * TICKS_PER_SECOND);
    return 0;
}
