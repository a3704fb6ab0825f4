/* TAP over the first serial port, and the registers that tests look at. */
#pragma once
#include <stdint.h>

/* One line of the report; returns its second argument. */
int ok(const char *name, int passed);
void skip(const char *name, const char *why);
/* Writes the plan; returns 0 when all passed, 1 otherwise. */
int finish(void);

struct cpuid { uint32_t eax, ebx, ecx, edx; };
struct cpuid cpuid(uint32_t leaf, uint32_t subleaf);
uint64_t flags(void);

/* How often each vector was delivered. */
extern volatile uint32_t deliveries[256];
