/* Port I/O: the instructions, one inline function each.
 *
 * The memory clobber keeps the compiler from moving accesses to memory across
 * a port access. Specification: Intel SDM volume 2, IN, OUT, INS and OUTS.
 * Deliberately absent: INS, which no guest here needs. */
#pragma once
#include <stdint.h>

static inline void outb(uint16_t port, uint8_t value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

static inline void outw(uint16_t port, uint16_t value)
{
    __asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

static inline void outl(uint16_t port, uint32_t value)
{
    __asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

static inline uint8_t inb(uint16_t port)
{
    uint8_t value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port) : "memory");
    return value;
}

static inline uint16_t inw(uint16_t port)
{
    uint16_t value;
    __asm__ volatile("inw %1, %0" : "=a"(value) : "Nd"(port) : "memory");
    return value;
}

static inline uint32_t inl(uint16_t port)
{
    uint32_t value;
    __asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port) : "memory");
    return value;
}

static inline void outsb(uint16_t port, const void *bytes, uint32_t count)
{
    __asm__ volatile("rep outsb"
                     : "+S"(bytes), "+c"(count) : "d"(port) : "memory");
}
