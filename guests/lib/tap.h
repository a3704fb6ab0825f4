/* Test results in the Test Anything Protocol, on the serial port. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* One test point; what it is about, as in printf. */
void tap(bool passed, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A test point that may fail, and why; a failure does not count. */
void tap_todo(bool passed, const char *reason, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A diagnostic line. */
void tap_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* How many test points there have been. */
uint32_t tap_points(void);

/* Prints the plan; the status to end with, 0 or 1. */
int tap_end(void);
