/* What the probe's parts share. */
#pragma once
#include <stdint.h>

/* One line on the debug console, formatted first: no code runs between its
 * bytes that is not the same for all. The line end is in the format. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Each prints what it found; speed.c, apic.c, instructions.c and rules.c. */
void probe_speed(int rounds);
void probe_apic(void);
void probe_instructions(void);
void probe_rules(void);
