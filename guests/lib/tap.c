/* Writing the Test Anything Protocol.
 *
 * The plan comes last, so that a guest need not count its tests beforehand and
 * one that dies half-way is seen to have no plan. Specification: TAP version
 * 13, testanything.org. Deliberately absent: skip, bail out, YAML blocks. */
#include "tap.h"
#include "print.h"

static uint32_t points, failures;

static void point(bool passed, const char *format, va_list arguments)
{
    print(passed ? "ok %u - " : "not ok %u - ", ++points);
    vprint(format, arguments);
}

void tap(bool passed, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    point(passed, format, arguments);
    va_end(arguments);
    print("\n");
    if (!passed)
        failures++;
}

void tap_todo(bool passed, const char *reason, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    point(passed, format, arguments);
    va_end(arguments);
    print(" # TODO %s\n", reason);
}

void tap_note(const char *format, ...)
{
    va_list arguments;
    print("# ");
    va_start(arguments, format);
    vprint(format, arguments);
    va_end(arguments);
    print("\n");
}

uint32_t tap_points(void)
{
    return points;
}

int tap_end(void)
{
    print("1..%u\n", points);
    return failures == 0 ? 0 : 1;
}
