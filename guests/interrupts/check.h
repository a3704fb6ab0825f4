/* Test points, named after the section that they are in. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* What the next points belong to. */
void check_section(const char *name);

/* One point; the rule that must hold. */
bool check(bool passed, const char *rule);

/* A rule that cannot be tested here, and why. */
void skip(const char *rule, const char *reason);

/* A line beside the points. */
void note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Waits until the vector has come to each processor of the set (bit = index), and sees that it came once, and nowhere else. */
bool arrives(uint8_t vector, uint64_t set);

/* After the grace, it has come nowhere. */
bool stays_away(uint8_t vector);

static inline uint64_t everyone(uint32_t count) { return count >= 64 ? ~0ull : (1ull << count) - 1; }
