/* Judging what arrived.
 *
 * What must come is waited for as long as patience says; what must not come gets a
 * short grace after that, as the way from one processor to another takes a while.
 * The console's own wire is one of those that are tested, so lines wait in a queue
 * while it is up. Deliberately absent: points that may fail; peer-deviations lists
 * those. */
#include "check.h"
#include "machine.h"
#include "print.h"
#include "tap.h"
#include "wires.h"

enum { QUEUE = 32, LINE = 120 };

static const char *section;

static struct line {
    const char *rule, *reason;          /* no rule: a note */
    bool passed;
    char text[LINE];
} queue[QUEUE];

static uint32_t queued;

static void flush(void)
{
    for (uint32_t i = 0; i < queued; i++) {
        const struct line *line = &queue[i];
        if (!line->rule)
            tap_note("%s", line->text);
        else if (line->reason)
            tap(true, "%s: %s # SKIP %s", section, line->rule, line->reason);
        else
            tap(line->passed, "%s: %s", section, line->rule);
    }
    queued = 0;
}

static struct line *next_line(void)
{
    if (queued == QUEUE)
        flush();
    return &queue[queued++];
}

static void flush_unless_held(void)
{
    if (!uart_is_up)
        flush();
}

void note(const char *format, ...)
{
    struct line *line = next_line();
    va_list arguments;
    va_start(arguments, format);
    vprint_to(line->text, LINE, format, arguments);
    va_end(arguments);
    line->rule = 0;
    flush_unless_held();
}

void check_section(const char *name)
{
    section = name;
    note("section %s", name);
}

bool check(bool passed, const char *rule)
{
    struct line *line = next_line();
    line->rule = rule;
    line->reason = 0;
    line->passed = passed;
    flush_unless_held();
    return passed;
}

void skip(const char *rule, const char *reason)
{
    struct line *line = next_line();
    line->rule = rule;
    line->reason = reason;
    flush_unless_held();
}

static bool all_have(uint8_t vector, uint64_t set)
{
    for (uint32_t i = 0; i < cpu_count; i++)
        if ((set >> i & 1) && cpus[i].count[vector] == 0)
            return false;
    return true;
}

bool arrives(uint8_t vector, uint64_t set)
{
    bool good = AWAIT_OPEN(all_have(vector, set));
    spend_open(GRACE);
    for (uint32_t i = 0; i < cpu_count; i++) {
        uint32_t wanted = set >> i & 1;
        if (cpus[i].count[vector] != wanted) {
            note("vector 0x%x came %u times to processor %u, not %u", vector, cpus[i].count[vector], i, wanted);
            good = false;
        }
        cpus[i].count[vector] = 0;
    }
    return good;
}

bool stays_away(uint8_t vector)
{
    return arrives(vector, 0);
}
