/* Which part of the tests runs, as the command line says.
 *
 * For machines that some point would end: it and others can be left out, and the
 * rest still be judged. A point has the number that it gets in a run with the
 * same section, because a fragment runs before it is named; which numbers there
 * are depends on CPUID. Deliberately absent: leaving out what C does itself, as
 * it prepares a point. */
#include "selection.h"
#include "tap.h"

static const char *section_wanted, *left_out;

void selection_start(const struct hvm_start_info *info)
{
    section_wanted = option(info, "section");
    left_out = option(info, "leave-out");
}

bool is_selected(const char *section)
{
    return !section_wanted || option_is(section_wanted, section);
}

bool is_next_left_out(void)
{
    uint32_t next = tap_points() + 1;
    for (const char *at = left_out; at; ) {
        if (option_number(at, 0) == next)
            return true;
        while (*at >= '0' && *at <= '9')
            at++;
        at = option_after(at, ",");
    }
    return false;
}
