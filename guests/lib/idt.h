/* The interrupt descriptor table. */
#pragma once
#include <stdint.h>

/* Lets this vector enter the code at this address, with interrupts off. */
void idt_set(uint8_t vector, uintptr_t address);
