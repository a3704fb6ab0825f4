/* Test points about contexts, and points that a known peer cannot pass. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct context;

/* Whether this is QEMU's translator, by CPUID leaf 0x40000000. */
extern bool peer_is_tcg;

/* The next point is a skip on TCG should it fail there, for this reason, which
 * README.md has too. */
void tcg_differs(const char *reason);

/* One test point. */
bool check(bool passed, const char *name);

/* Leaves a test point out. */
void skip(const char *name, const char *reason);

/* A context that ended so; RIP of 0 is not looked at. */
bool ended(const struct context *context, uint64_t vector, uint64_t error, uint64_t rip, const char *name);

/* A context that came to its END, and something that must hold besides. */
bool finished(const struct context *context, bool passed, const char *name);

/* Something that must hold of a context, however it ended. */
bool held(const struct context *context, bool passed, const char *name);

/* Text behind the names of points, of loops over cases. */
const char *text(const char *format, ...) __attribute__((format(printf, 1, 2)));
