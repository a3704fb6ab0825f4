/* Judging contexts, in TAP.
 *
 * A failed point is followed by how the fragment ended instead. A point that
 * QEMU's translator is known to fail is skipped there by name and with the
 * reason, but only when it does fail. What the command line leaves out is a skip
 * as well. Deliberately absent: points that may fail anywhere else. */
#include "processor.h"
#include "print.h"
#include "selection.h"
#include "tap.h"

bool peer_is_tcg;

static const char *excuse;

void tcg_differs(const char *reason)
{
    excuse = reason;
}

static bool point(bool passed, const char *name)
{
    if (is_next_left_out()) {
        skip(name, "left out");
        return true;
    }
    if (!passed && excuse && peer_is_tcg)
        tap(true, "%s # SKIP TCG: %s", name, excuse);
    else
        tap(passed, "%s", name);
    bool excused = excuse && peer_is_tcg;
    excuse = 0;
    return passed || excused;
}

bool check(bool passed, const char *name)
{
    return point(passed, name);
}

void skip(const char *name, const char *reason)
{
    excuse = 0;
    tap(true, "%s # SKIP %s", name, reason);
}

static void note(const struct context *c)
{
    const struct { const char *name; uint64_t value; } values[] = {
        { "vector", c->vector }, { "error", c->error }, { "cs", c->cs }, { "rip", c->rip },
        { "ss", c->ss }, { "rsp", c->rsp }, { "flags", c->rflags }, { "cr2", c->cr2 },
        { "rax", c->rax }, { "rbx", c->rbx }, { "rcx", c->rcx }, { "rdx", c->rdx },
        { "rsi", c->rsi }, { "rdi", c->rdi }, { "frame", c->frame },
        { "the handler's flags", c->handler_flags }, { "its ss", c->handler_ss },
    };
    for (uint32_t i = 0; i < sizeof values / sizeof values[0]; i++)
        tap_note("  %s %llx", values[i].name, (unsigned long long)values[i].value);
}

bool ended(const struct context *c, uint64_t vector, uint64_t error, uint64_t rip, const char *name)
{
    bool good = point(c->vector == vector && c->error == error && (rip == 0 || c->rip == rip), name);
    if (!good) {
        tap_note("wanted vector %llx, error %llx, rip %llx", (unsigned long long)vector,
                 (unsigned long long)error, (unsigned long long)rip);
        note(c);
    }
    return good;
}

bool held(const struct context *c, bool passed, const char *name)
{
    bool good = point(passed, name);
    if (!good)
        note(c);
    return good;
}

bool finished(const struct context *c, bool passed, const char *name)
{
    return held(c, c->vector == END && passed, name);
}

const char *text(const char *format, ...)
{
    static char buffer[128];
    va_list arguments;
    va_start(arguments, format);
    vprint_to(buffer, sizeof buffer, format, arguments);
    va_end(arguments);
    return buffer;
}
