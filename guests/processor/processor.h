/* Running fragments of machine code and judging how they ended.
 *
 * A test writes a few instructions as a FRAGMENT in any mode, makes a context
 * for it, runs it, and looks at the trap that ended it: the vector END if all
 * went well. Deliberately absent: fragments written in C. */
#pragma once
#include "context.h"
#include "report.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct context {
    uint64_t rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi;
    uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
    uint64_t rip, rflags, cs, ss, ds, es, fs, gs;
    uint64_t vector, error;     /* what ended it; NO_ERROR if none was pushed */
    uint64_t cr2;
    uint64_t frame;             /* where the handler found the saved RIP */
    uint64_t handler_flags, handler_ss;
    uint64_t cr0, cr3, cr4, efer;   /* of LEGACY and REAL, in and out */
    uint64_t mode;
};

#define NO_ERROR UINT64_MAX
#define LEFT_OUT 0x100       /* the vector of a run that the command line left out */

_Static_assert(offsetof(struct context, rip) == CONTEXT_RIP, "as the assembly has it");
_Static_assert(offsetof(struct context, vector) == CONTEXT_VECTOR, "as the assembly has it");
_Static_assert(offsetof(struct context, mode) == CONTEXT_MODE, "as the assembly has it");
_Static_assert(sizeof(struct context) == CONTEXT_SIZE, "as the assembly has it");

enum vector { DE, DB, NMI, BP, OF, BR, UD, NM, DF, TS = 10, NP, SS, GP, PF, MF = 16, AC };

enum flag {
    FLAG_CF = 1, FLAG_ONE = 2, FLAG_ZF = 0x40, FLAG_TF = 0x100, FLAG_IF = 0x200, FLAG_DF = 0x400,
    FLAG_IOPL = 0x3000, FLAG_NT = 0x4000, FLAG_RF = 0x10000, FLAG_AC = 0x40000,
};

enum control {
    CR0_PE = 1, CR0_MP = 2, CR0_EM = 4, CR0_TS = 8, CR0_ET = 0x10, CR0_NE = 0x20, CR0_WP = 0x10000,
    CR0_CD = 0x40000000, CR4_TSD = 4, CR4_DE = 8, CR4_PSE = 0x10, CR4_PAE = 0x20, CR4_PGE = 0x80,
    CR4_OSFXSR = 0x200, CR4_UMIP = 0x800, CR4_FSGSBASE = 0x10000, CR4_PCIDE = 0x20000,
    CR4_OSXSAVE = 0x40000, CR4_SMEP = 0x100000, CR4_SMAP = 0x200000,
};
#define CR0_PG 0x80000000u

enum msr {
    MSR_TSC = 0x10, MSR_TSC_ADJUST = 0x3b, MSR_SYSENTER_CS = 0x174, MSR_SYSENTER_ESP, MSR_SYSENTER_EIP,
};
#define MSR_EFER     0xc0000080u
#define MSR_STAR     0xc0000081u
#define MSR_LSTAR    0xc0000082u
#define MSR_CSTAR    0xc0000083u
#define MSR_FMASK    0xc0000084u
#define MSR_FS_BASE  0xc0000100u
#define MSR_GS_BASE  0xc0000101u
#define MSR_KERNEL_GS 0xc0000102u
#define MSR_TSC_AUX  0xc0000103u

enum efer { EFER_SCE = 1, EFER_LME = 0x100, EFER_LMA = 0x400, EFER_NXE = 0x800 };

/* Machine code in the text below, which ends with the END interrupt. Labels in
 * it are named in C by LABEL. */
#define LABEL(name) extern const char name[]
#define FRAGMENT_IN(section, name, bits, text) \
    LABEL(name); \
    __asm__(".pushsection " section ", \"ax\"\n.code" #bits "\n.balign 16\n.globl " #name "\n" #name ":\n" \
            text "\nint $0x30\n.code64\n.popsection\n")
#define FRAGMENT(name, text) FRAGMENT_IN(".text.fragments", name, 64, text)
#define FRAGMENT32(name, text) FRAGMENT_IN(".text.fragments", name, 32, text)
#define FRAGMENT16(name, text) FRAGMENT_IN(".real", name, 16, text)

extern const char real_start[], real_end[];
#define AT(label) ((uint64_t)(uintptr_t)(label))
#define REAL_AT(label) (AT(label) - AT(real_start))     /* an offset in CODE16 */

/* The first GiB again, at an address where the user may touch it. */
#define USER_BASE 0x40000000u
#define USER_AT(label) (AT(label) + USER_BASE)

/* A context each: ring 0 and 3 in long mode, and what leaves it. User code runs
 * in the user's image of memory. */
LABEL(nothing64); LABEL(nothing32); LABEL(nothing16);   /* they end at once */
struct context kernel64(const void *fragment);
struct context user64(const void *fragment);
struct context kernel32(const void *fragment);          /* compatibility mode */
struct context user32(const void *fragment);
struct context protected32(const void *fragment);       /* no paging */
struct context protected_user32(const void *fragment);
struct context protected16(const void *fragment);
struct context real16(const void *fragment);

/* Runs until a trap; interrupts stay off in C. A point that the command line
 * leaves out does not run: the context stays as it is, with vector LEFT_OUT. */
void run(struct context *context);

/* The tables that tests change; they put back what others rely on. */
struct gate {
    uint16_t offset_low, selector;
    uint8_t ist, type;
    uint16_t offset_middle;
    uint32_t offset_high, zero;
} __attribute__((packed));

struct gate32 {
    uint16_t offset_low, selector;
    uint8_t zero, type;
    uint16_t offset_high;
} __attribute__((packed));

struct tss {
    uint32_t zero0;
    uint64_t rsp[3];
    uint64_t zero1;
    uint64_t ist[7];
    uint64_t zero2;
    uint16_t zero3, io_map;
    uint8_t io_bits[0x102];     /* of ports up to 0x7ff, and the last byte */
} __attribute__((packed));

struct tss32 {
    uint32_t link, esp0, ss0, esp1, ss1, esp2, ss2, cr3, eip, eflags, registers[8], segments[6], ldt;
    uint16_t trap, io_map;
} __attribute__((packed));

extern uint64_t gdt[GDT_ENTRIES];
extern struct gate idt[256];
extern struct gate32 idt32[256];
extern struct tss tss;
extern struct tss32 tss32;

enum gate_type { CALL_GATE = 0x8c, INTERRUPT_GATE = 0x8e, TRAP_GATE = 0x8f, DPL3 = 0x60 };

void machine_start(void);
void set_gate(uint8_t vector, const void *handler, uint16_t selector, uint8_t type, uint8_t ist);
void reset_gate(uint8_t vector);

/* A descriptor; access and flags as in the SDM: 0x9b and 0xc are flat code. */
uint64_t descriptor(uint32_t base, uint32_t limit, uint8_t access, uint8_t flags);

/* Stacks; a fragment that pops too much spoils nothing else. */
extern uint8_t fragment_stack[4096], trap_stack[4096], ist_stack[4096];
#define TOP(stack) (AT(stack) + sizeof(stack) - 256)

/* Page tables: the supervisor's identity, the user's image at USER_BASE, and a
 * window of 1 GiB for tests. Entries are for the processor to change. */
#define WINDOW 0x80000000u
extern volatile uint64_t pml4[512], pdpt[512], window_pd[512];

enum page {
    PAGE_P = 1, PAGE_W = 2, PAGE_U = 4, PAGE_A = 0x20, PAGE_D = 0x40, PAGE_PS = 0x80, PAGE_G = 0x100,
};
#define PAGE_NX (1ull << 63)

enum page_fault { PF_P = 1, PF_W = 2, PF_U = 4, PF_R = 8, PF_I = 16 };


#define READ_CONTROL(n) \
    static inline uint64_t read_cr##n(void) \
    { \
        uint64_t value; \
        __asm__ volatile("movq %%cr" #n ", %0" : "=r"(value) : : "memory"); \
        return value; \
    } \
    static inline void write_cr##n(uint64_t value) \
    { \
        __asm__ volatile("movq %0, %%cr" #n : : "r"(value) : "memory"); \
    }
READ_CONTROL(0)
READ_CONTROL(2)
READ_CONTROL(3)
READ_CONTROL(4)

static inline void invlpg(uint64_t address)
{
    __asm__ volatile("invlpg (%0)" : : "r"(address) : "memory");
}

static inline uint64_t rdmsr(uint32_t msr)
{
    uint32_t low, high;
    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
    return (uint64_t)high << 32 | low;
}

static inline void wrmsr(uint32_t msr, uint64_t value)
{
    __asm__ volatile("wrmsr" : : "a"((uint32_t)value), "d"((uint32_t)(value >> 32)), "c"(msr) : "memory");
}

struct cpuid { uint32_t eax, ebx, ecx, edx; };

static inline struct cpuid cpuid(uint32_t leaf, uint32_t subleaf)
{
    struct cpuid r;
    __asm__ volatile("cpuid" : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx) : "a"(leaf), "c"(subleaf));
    return r;
}

/* The feature leaves: 1, 7, 0x80000001, 0xd subleaf 1. */
extern struct cpuid leaf1, leaf7, leaf_extended, leaf_xsave;
extern bool is_amd;
#define BIT(value, n) ((value) >> (n) & 1)

/* One topic each. */
void test_paging(void);
void test_page_faults(void);
void test_translations(void);
void test_legacy_paging(void);
void test_code_changes(void);
void test_exceptions(void);
void test_stacks(void);
void test_debug(void);
void test_segments(void);
void test_descriptors(void);
void test_gates(void);
void test_modes(void);
void test_system_calls(void);
void test_interrupt_returns(void);
void test_msrs(void);
void test_features(void);
void test_vector_state(void);
void test_privilege(void);
void test_interrupts(void);
