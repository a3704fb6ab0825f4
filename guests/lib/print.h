/* Formatted text, to the serial port or into a buffer. */
#pragma once
#include <stdarg.h>
#include <stdint.h>

/* Conversions: %s %c %d %u %x %llx %%; a width, with '-' to pad on the right
 * and '0' to pad with zeros; '*' takes the width from the arguments. */
void print(const char *format, ...) __attribute__((format(printf, 1, 2)));
void vprint(const char *format, va_list arguments)
    __attribute__((format(printf, 1, 0)));

/* Writes at most size - 1 characters and a NUL; returns their number. */
uint32_t vprint_to(char *text, uint32_t size, const char *format, va_list arguments)
    __attribute__((format(printf, 3, 0)));
uint32_t print_to(char *text, uint32_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
