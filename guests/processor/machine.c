/* The tables that every mode of the guest shares, and the contexts made of them.
 *
 * One GDT serves all modes; the 64-bit and the 32-bit IDT have a stub for each
 * vector, the real-mode table one for the first 64. All gates are interrupt
 * gates that only ring 0 may name, but for those of INT3, INTO, END and TRAP.
 * Specification: Intel SDM volume 3A, chapters 3, 6 and 8. Deliberately absent:
 * task gates. */
#include "processor.h"
#include "selection.h"

uint64_t gdt[GDT_ENTRIES] __attribute__((aligned(16))) = {
    [CODE32 / 8] = 0x00cf9b000000ffff,
    [DATA / 8] = 0x00cf93000000ffff,
    [USER_CODE32 / 8] = 0x00cffb000000ffff,
    [USER_DATA / 8] = 0x00cff3000000ffff,
    [USER_CODE64 / 8] = 0x00affb000000ffff,
    [USER_CODE64 / 8 + 1] = 0x00cff3000000ffff,
    [CODE64 / 8] = 0x00af9b000000ffff,
    [CODE64 / 8 + 1] = 0x00cf93000000ffff,
    [CODE16 / 8] = 0x00009b010000ffff,
    [DATA16 / 8] = 0x000093020000ffff,
};
struct gate idt[256] __attribute__((aligned(16)));
struct gate32 idt32[256] __attribute__((aligned(16)));
struct tss tss __attribute__((aligned(16)));
struct tss32 tss32 __attribute__((aligned(16)));
uint8_t fragment_stack[4096] __attribute__((aligned(4096)));
uint8_t trap_stack[4096] __attribute__((aligned(4096)));
uint8_t ist_stack[4096] __attribute__((aligned(4096)));

struct table { uint16_t limit; uint64_t base; } __attribute__((packed));

extern const struct table gdtr, idtr, idtr32;
const struct table gdtr = { sizeof gdt - 1, (uintptr_t)gdt };
const struct table idtr = { sizeof idt - 1, (uintptr_t)idt };
const struct table idtr32 = { sizeof idt32 - 1, (uintptr_t)idt32 };

struct cpuid leaf1, leaf7, leaf_extended, leaf_xsave;
bool is_amd;

extern const char stubs_long[], stubs_legacy[], stubs_real[];
void run_long(struct context *context);
void run_legacy(struct context *context);

uint64_t descriptor(uint32_t base, uint32_t limit, uint8_t access, uint8_t flags)
{
    return (limit & 0xffff) | (uint64_t)(base & 0xffffff) << 16 | (uint64_t)access << 40
        | (uint64_t)(limit >> 16 & 15) << 48 | (uint64_t)flags << 52 | (uint64_t)(base >> 24) << 56;
}

void set_gate(uint8_t vector, const void *handler, uint16_t selector, uint8_t type, uint8_t ist)
{
    uint64_t offset = AT(handler);
    idt[vector] = (struct gate){
        .offset_low = (uint16_t)offset, .offset_middle = (uint16_t)(offset >> 16),
        .offset_high = (uint32_t)(offset >> 32), .selector = selector, .type = type, .ist = ist,
    };
}

static uint8_t usual_type(uint8_t vector)
{
    if (vector == BP || vector == OF || vector == END)
        return INTERRUPT_GATE | DPL3;
    return vector == TRAP ? TRAP_GATE | DPL3 : INTERRUPT_GATE;
}

void reset_gate(uint8_t vector)
{
    set_gate(vector, stubs_long + 16 * vector, CODE64, usual_type(vector), vector == DF);
}

void machine_start(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        reset_gate((uint8_t)i);
        uint32_t offset = (uint32_t)AT(stubs_legacy + 16 * i);
        idt32[i] = (struct gate32){
            .offset_low = (uint16_t)offset, .offset_high = (uint16_t)(offset >> 16),
            .selector = CODE32, .type = usual_type((uint8_t)i),
        };
    }
    tss.rsp[0] = TOP(trap_stack);
    tss.ist[0] = TOP(ist_stack);
    tss.io_map = offsetof(struct tss, io_bits);
    for (uint32_t i = 0; i < sizeof tss.io_bits; i++)
        tss.io_bits[i] = 0xff;
    tss32.esp0 = (uint32_t)TOP(trap_stack);
    tss32.ss0 = DATA;
    tss32.io_map = sizeof tss32;
    gdt[TSS64 / 8] = descriptor((uint32_t)AT(&tss), sizeof tss - 1, 0x89, 0);
    gdt[TSS64 / 8 + 1] = 0;
    gdt[TSS32 / 8] = descriptor((uint32_t)AT(&tss32), sizeof tss32 - 1, 0x89, 0);
    __asm__ volatile("lgdt %0\n\tlidt %1\n\tltr %w2" : : "m"(gdtr), "m"(idtr), "r"(TSS64) : "memory");

    volatile uint8_t *low = (volatile uint8_t *)(uintptr_t)REAL_BASE;
    for (uint32_t i = 0; real_start + i < real_end; i++)
        low[i] = (uint8_t)real_start[i];
    uintptr_t vectors = 0;
    __asm__("" : "+r"(vectors));        /* address 0 is no null pointer here */
    for (uint32_t i = 0; i < 64; i++)
        ((volatile uint32_t *)vectors)[i] =
            (REAL_BASE >> 4) << 16 | (uint32_t)REAL_AT(stubs_real + 8 * i);

    leaf1 = cpuid(1, 0);
    if (cpuid(0, 0).eax >= 7)
        leaf7 = cpuid(7, 0);
    if (cpuid(0, 0).eax >= 0xd && BIT(leaf1.ecx, 26))
        leaf_xsave = cpuid(0xd, 1);
    leaf_extended = cpuid(0x80000001, 0);
    is_amd = cpuid(0, 0).ebx == 0x68747541;             /* "Auth" */
    if (BIT(leaf1.ecx, 31)) {
        struct cpuid r = cpuid(0x40000000, 0);
        peer_is_tcg = r.ebx == 0x54474354 && r.ecx == 0x43544743 && r.edx == 0x47435447;
    }
}

static struct context context(uint64_t rip, uint64_t rsp, uint64_t cs, uint64_t data)
{
    return (struct context){
        .rip = rip, .rsp = rsp, .rflags = FLAG_ONE, .cs = cs,
        .ss = data, .ds = data, .es = data, .cr0 = CR0_PE | CR0_ET | CR0_NE,
    };
}

struct context kernel64(const void *fragment)
{
    return context(AT(fragment), TOP(fragment_stack), CODE64, DATA);
}

struct context user64(const void *fragment)
{
    return context(USER_AT(fragment), TOP(fragment_stack) + USER_BASE, USER_CODE64 | 3, USER_DATA | 3);
}

struct context kernel32(const void *fragment)
{
    return context(AT(fragment), TOP(fragment_stack), CODE32, DATA);
}

struct context user32(const void *fragment)
{
    return context(USER_AT(fragment), TOP(fragment_stack) + USER_BASE, USER_CODE32 | 3, USER_DATA | 3);
}

struct context protected32(const void *fragment)
{
    struct context c = context(AT(fragment), TOP(fragment_stack), CODE32, DATA);
    c.mode = LEGACY;
    return c;
}

struct context protected_user32(const void *fragment)
{
    struct context c = context(AT(fragment), TOP(fragment_stack), USER_CODE32 | 3, USER_DATA | 3);
    c.mode = LEGACY;
    return c;
}

struct context protected16(const void *fragment)
{
    struct context c = context(REAL_AT(fragment), TOP(fragment_stack), CODE16, DATA);
    c.mode = LEGACY;
    return c;
}

struct context real16(const void *fragment)
{
    struct context c = context(REAL_AT(fragment), 0x8000, REAL_BASE >> 4, REAL_DATA >> 4);
    c.mode = REAL;
    return c;
}

void run(struct context *c)
{
    if (is_next_left_out())
        c->vector = LEFT_OUT;
    else if (c->mode == LONG)
        run_long(c);
    else
        run_legacy(c);
}
