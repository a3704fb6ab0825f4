/* What the probe's parts share. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* One line on the debug console, formatted first: no code runs between its
 * bytes that is not the same for all. The line end is in the format. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Says whether a rule is kept, by its name. */
void rule(const char *name, bool kept);

/* Whether the local APIC of the processor that asks has a request of this vector. */
bool requested(uint32_t vector);

/* Each prints what it found; speed.c, apic.c, instructions.c, rules.c and restart.c. */
void probe_speed(int rounds);
void probe_apic(void);
void probe_instructions(void);
void probe_rules(void);
void probe_restart(void);
