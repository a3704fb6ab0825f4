/* How a guest ends. */
#pragma once
#include <stdint.h>

/* Ends the machine with this status through the exit port. */
void leave(uint32_t status) __attribute__((noreturn));

/* Halts for ever with interrupts off. */
void halt(void) __attribute__((noreturn));
