/* Four-level paging: translations by pages of every size, accessed and dirty
 * bits, accesses that cross a page.
 *
 * Page tables are written in C and used by fragments; the image itself stays
 * mapped by 2 MiB pages outside the window. Specification: Intel SDM volume 3A,
 * 4.5 and 4.8; AMD APM volume 2, 5.3 and 5.4. Deliberately absent: five levels,
 * protection keys, memory types. */
#include "pages.h"

uint8_t pages[PAGES][4096] __attribute__((aligned(4096)));
volatile uint64_t window_pt[2][512] __attribute__((aligned(4096)));
static volatile uint64_t other_pdpt[512] __attribute__((aligned(4096)));

FRAGMENT(read_rdi, ".globl read_rdi_at\n read_rdi_at: movl (%rdi), %eax");
FRAGMENT(write_rdi, ".globl write_rdi_at\n write_rdi_at: movl %eax, (%rdi)");
FRAGMENT(fetch_rdi, ".globl fetch_rdi_at\n fetch_rdi_at: jmp *%rdi");

void window_reset(void)
{
    for (uint32_t i = 0; i < 512; i++)
        window_pd[i] = window_pt[0][i] = window_pt[1][i] = 0;
    window_pd[0] = AT(window_pt[0]) | USUAL;
    window_pd[1] = AT(window_pt[1]) | USUAL;
    pdpt[2] = AT(window_pd) | USUAL;
    write_cr3(read_cr3());
}

void window_map(uint32_t n, uint32_t which, uint64_t rights)
{
    *window_entry(n) = AT(pages[which]) | rights;
    invlpg(window(n));
}

uint64_t reserved_bit(void)
{
    uint32_t width = cpuid(0x80000008, 0).eax & 0xff;
    return width < 52 ? 1ull << 51 : 0;
}

struct context touch(const char *fragment, uint64_t address, bool user)
{
    struct context c = user ? user64(fragment) : kernel64(fragment);
    c.rdi = address;
    return c;
}

static bool bits(uint64_t entry, uint64_t wanted)
{
    return (entry & (PAGE_A | PAGE_D)) == wanted;
}

static void accessed_and_dirty(void)
{
    window_reset();
    window_map(0, 0, USUAL);
    pml4[0] &= ~(uint64_t)PAGE_A;
    write_cr3(read_cr3());
    struct context c = touch(read_rdi, window(0), false);
    run(&c);
    finished(&c, bits(*window_entry(0), PAGE_A), "paging: a read sets A, not D");
    check(bits(window_pd[0], PAGE_A) && bits(pdpt[2], PAGE_A) && (pml4[0] & PAGE_A),
          "paging: and A alone on the levels above");
    c = touch(write_rdi, window(0), true);
    run(&c);
    finished(&c, bits(*window_entry(0), PAGE_A | PAGE_D), "paging: a write by the user sets D, though A is cached");
    check(bits(window_pd[0], PAGE_A) && bits(pdpt[2], PAGE_A), "paging: and D on no level above");
    window_map(0, 0, USUAL);
    c = touch(write_rdi, window(0), false);
    run(&c);
    finished(&c, bits(*window_entry(0), PAGE_A | PAGE_D), "paging: a write sets both at once");
    window_map(0, 0, USUAL | PAGE_A);
    c = touch(write_rdi, window(0), false);
    run(&c);
    finished(&c, bits(*window_entry(0), PAGE_A | PAGE_D), "paging: a write sets D where A is set");
    pages[0][0] = 0xcd;
    pages[0][1] = END;
    window_map(0, 0, USUAL);
    c = touch(fetch_rdi, window(0), true);
    run(&c);
    finished(&c, bits(*window_entry(0), PAGE_A), "paging: a fetch sets A");
    window_map(0, 0, PAGE_P | PAGE_U);
    c = touch(write_rdi, window(0), true);
    run(&c);
    held(&c, c.vector == PF && bits(*window_entry(0), 0), "paging: a write that is refused sets nothing");
    window_map(0, 0, USUAL & ~PAGE_U);
    c = touch(read_rdi, window(0), true);
    run(&c);
    held(&c, c.vector == PF && bits(*window_entry(0), 0), "paging: nor does a refused read");
    *window_entry(0) = AT(pages[0]) | (USUAL & ~PAGE_P);
    invlpg(window(0));
    c = touch(write_rdi, window(0), true);
    run(&c);
    held(&c, c.vector == PF && *window_entry(0) == (AT(pages[0]) | (USUAL & ~PAGE_P)),
          "paging: an entry that is not present is not changed");
}

FRAGMENT(exchange_rdi, "lock cmpxchgl %ecx, (%rdi)");
FRAGMENT(push_stack, "pushq %rax");
FRAGMENT(enter_stack, "movq %rdi, %rsp\n int $0x31");

static void implicit_dirty(void)
{
    window_map(0, 0, USUAL);
    struct context c = touch(exchange_rdi, window(0), false);
    *(uint32_t *)pages[0] = 7;
    c.rax = 1;
    run(&c);
    finished(&c, !(c.rflags & FLAG_ZF) && c.rax == 7 && bits(*window_entry(0), PAGE_A | PAGE_D),
             "paging: a locked CMPXCHG that stores the old value sets D");
    window_map(0, 0, USUAL);
    c = user64(push_stack);
    c.rsp = window(1);
    run(&c);
    finished(&c, bits(*window_entry(0), PAGE_A | PAGE_D), "paging: a push sets D of the stack's page");
    window_map(0, 0, USUAL & ~PAGE_U);
    tss.rsp[0] = window(1);
    c = user64(enter_stack);
    run(&c);
    tss.rsp[0] = TOP(trap_stack);
    held(&c, c.vector == TRAP && c.frame == window(1) - 40 && bits(*window_entry(0), PAGE_A | PAGE_D),
          "paging: the processor's push of a frame sets D");
    window_map(0, 0, (USUAL & ~PAGE_U) | PAGE_A);
    ((uint64_t *)pages[0])[0] = descriptor(0, 0xfffff, 0x92, 0xc);
    gdt[LDT / 8] = descriptor((uint32_t)window(0), 0xfff, 0x82, 0);
    gdt[LDT / 8 + 1] = 0;
    __asm__ volatile("lldt %w0\n\tmovw %w1, %%es\n\tmovw %w2, %%es\n\tlldt %w3"
                     : : "r"(LDT), "r"(4), "r"(DATA), "r"(0) : "memory");
    check((*window_entry(0) & PAGE_D) && pages[0][5] == 0x93,
          "paging: setting a descriptor's accessed bit sets D");
}

static void large_pages(void)
{
    window_reset();
    *(uint32_t *)pages[0] = 0x600df00d;
    uint64_t large = AT(pages[0]) & ~0x1fffffull, offset = AT(pages[0]) - large;
    window_pd[8] = large | USUAL | PAGE_PS;
    struct context c = touch(read_rdi, WINDOW + 8 * 0x200000 + offset, true);
    run(&c);
    finished(&c, c.rax == 0x600df00d && bits(window_pd[8], PAGE_A), "paging: 2 MiB page, a read sets A");
    c = touch(write_rdi, WINDOW + 8 * 0x200000 + offset, true);
    c.rax = 0x12345678;
    run(&c);
    finished(&c, *(uint32_t *)pages[0] == 0x12345678 && bits(window_pd[8], PAGE_A | PAGE_D),
             "paging: 2 MiB page, a write sets D");
    window_pd[8] = large | 1 << 13 | USUAL | PAGE_PS;
    invlpg(WINDOW + 8 * 0x200000 + offset);
    c = touch(read_rdi, WINDOW + 8 * 0x200000 + offset, false);
    run(&c);
    tcg_differs("a reserved bit's error code lacks P");
    ended(&c, PF, PF_P | PF_R, AT(read_rdi_at), "paging: 2 MiB page, bit 13 is reserved");
    window_pd[8] = 0;

    if (!BIT(leaf_extended.edx, 26)) {
        skip("paging: 1 GiB pages", "not offered");
        return;
    }
    pml4[1] = AT(other_pdpt) | USUAL;
    other_pdpt[5] = USUAL | PAGE_PS;
    uint64_t base = (1ull << 39) + 5 * (1ull << 30);
    *(uint32_t *)pages[0] = 0x600df00d;
    c = touch(read_rdi, base + AT(pages[0]), true);
    run(&c);
    finished(&c, c.rax == 0x600df00d && bits(other_pdpt[5], PAGE_A), "paging: 1 GiB page, a read sets A");
    c = touch(write_rdi, base + AT(pages[0]), true);
    c.rax = 0x12345678;
    run(&c);
    finished(&c, *(uint32_t *)pages[0] == 0x12345678 && bits(other_pdpt[5], PAGE_A | PAGE_D),
             "paging: 1 GiB page, a write sets D");
    other_pdpt[5] = 1 << 13 | USUAL | PAGE_PS;
    invlpg(base + AT(pages[0]));
    c = touch(read_rdi, base + AT(pages[0]), false);
    run(&c);
    tcg_differs("a reserved bit's error code lacks P");
    ended(&c, PF, PF_P | PF_R, AT(read_rdi_at), "paging: 1 GiB page, bit 13 is reserved");
    pml4[1] = AT(other_pdpt) | USUAL | PAGE_PS;
    other_pdpt[5] = USUAL | PAGE_PS;
    write_cr3(read_cr3());
    c = touch(read_rdi, base + AT(pages[0]), false);
    run(&c);
    tcg_differs("a reserved bit's error code lacks P");
    ended(&c, PF, PF_P | PF_R, AT(read_rdi_at), "paging: bit 7 of a PML4 entry is reserved");
    pml4[1] = 0;
    pml4[511] = AT(other_pdpt) | USUAL;
    other_pdpt[511] = AT(window_pd) | USUAL;
    write_cr3(read_cr3());
    window_map(0, 0, USUAL);
    c = touch(read_rdi, -(1ull << 30), false);
    run(&c);
    finished(&c, c.rax == *(uint32_t *)pages[0], "paging: the upper half");
    pml4[511] = 0;
    write_cr3(read_cr3());
}

/* Page 0 of the window is there, page 1 is not, and the access lies across. */
FRAGMENT(read_across, "read_across_at: movq (%rdi), %rax"); LABEL(read_across_at);
FRAGMENT(write_across, "write_across_at: movq %rax, (%rdi)"); LABEL(write_across_at);
FRAGMENT(add_across, "add_across_at: addq %rax, (%rdi)"); LABEL(add_across_at);
FRAGMENT(push_across, "movq %rdi, %rsp\n push_across_at: pushq %rax"); LABEL(push_across_at);
FRAGMENT(exchange_across, "exchange_across_at: cmpxchg8b (%rdi)"); LABEL(exchange_across_at);
FRAGMENT(save_across, "save_across_at: movups %xmm0, (%rdi)"); LABEL(save_across_at);

static bool page_is(uint32_t which, uint8_t byte)
{
    for (uint32_t i = 0; i < 4096; i++)
        if (pages[which][i] != byte)
            return false;
    return true;
}

static void fill(uint32_t which, uint8_t byte)
{
    for (uint32_t i = 0; i < 4096; i++)
        pages[which][i] = byte;
}

static void crossing(void)
{
    /* Whether the read of an addition faults as a write is not laid down. */
    enum kind { LOADS, STORES, BOTH };
    static const struct { const char *fragment, *at, *name; uint64_t rdi_offset; enum kind kind; } cases[] = {
        { read_across, read_across_at, "a read", 0, LOADS },
        { write_across, write_across_at, "a write", 0, STORES },
        { add_across, add_across_at, "an addition to memory", 0, BOTH },
        { push_across, push_across_at, "a push", 8, STORES },
        { exchange_across, exchange_across_at, "CMPXCHG8B", 0, BOTH },
        { save_across, save_across_at, "MOVUPS to memory", 0, STORES },
    };
    window_reset();
    for (uint32_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fill(0, 0x55);
        window_map(0, 0, USUAL);
        *window_entry(1) = 0;
        invlpg(window(1));
        struct context c = touch(cases[i].fragment, window(1) - 3 + cases[i].rdi_offset, true);
        run(&c);
        uint64_t ignored = cases[i].kind == BOTH ? c.error & PF_W : 0;
        uint64_t write = cases[i].kind == STORES ? PF_W : 0;
        if (ended(&c, PF, PF_U | write | ignored, USER_AT(cases[i].at),
                  text("paging: %s across pages, the second absent", cases[i].name)))
            held(&c, c.cr2 == window(1) && page_is(0, 0x55),
                  text("paging: %s across pages: CR2, nothing written", cases[i].name));
        window_map(1, 1, PAGE_P | PAGE_U);
        if (cases[i].kind == LOADS)
            continue;
        c = touch(cases[i].fragment, window(1) - 3 + cases[i].rdi_offset, true);
        run(&c);
        held(&c, c.vector == PF && c.error == (PF_P | PF_W | PF_U) && c.cr2 == window(1) && page_is(0, 0x55),
              text("paging: %s across pages, the second read-only", cases[i].name));
    }
    fill(0, 0x55);
    fill(1, 0x55);
    window_map(1, 1, USUAL);
    struct context c = touch(write_across, window(1) - 3, true);
    c.rax = 0x1122334455667788;
    run(&c);
    finished(&c, pages[0][4095] == 0x66 && pages[1][0] == 0x55 && pages[1][4] == 0x11
             && bits(*window_entry(0), PAGE_A | PAGE_D) && bits(*window_entry(1), PAGE_A | PAGE_D),
             "paging: a write across two pages writes both, and sets their bits");
    *window_entry(0) = *window_entry(1) = 0;
    invlpg(window(0));
    invlpg(window(1));
    c = touch(read_across, window(1) - 3, true);
    run(&c);
    held(&c, c.vector == PF && c.cr2 == window(1) - 3, "paging: of two absent pages the first one faults");
}

FRAGMENT(move_bytes, "move_bytes_at: rep movsb"); LABEL(move_bytes_at);
FRAGMENT(store_quads, "store_quads_at: rep stosq"); LABEL(store_quads_at);
FRAGMENT(move_down, "std\n move_down_at: rep movsl\n cld"); LABEL(move_down_at);
FRAGMENT(compare_bytes, "compare_bytes_at: repe cmpsb"); LABEL(compare_bytes_at);

static void repeated(void)
{
    window_reset();
    fill(0, 0);
    for (uint32_t i = 0; i < 4096; i++)
        pages[2][i] = (uint8_t)(i * 7);
    window_map(0, 0, USUAL);
    struct context c = kernel64(move_bytes);
    c.rsi = AT(pages[2]);
    c.rdi = window(1) - 100;
    c.rcx = 300;
    run(&c);
    if (ended(&c, PF, PF_W, AT(move_bytes_at), "paging: REP MOVSB faults at the second page"))
        held(&c, c.rcx == 200 && c.rsi == AT(pages[2]) + 100 && c.rdi == window(1) && c.cr2 == window(1)
              && pages[0][4095] == (uint8_t)(99 * 7),
              "paging: REP MOVSB: registers at the iteration, the rest done");
    window_map(1, 1, USUAL);
    run(&c);
    finished(&c, c.rcx == 0 && pages[1][199] == (uint8_t)(299 * 7), "paging: REP MOVSB goes on where it stopped");

    fill(0, 0x55);
    *window_entry(1) = 0;
    invlpg(window(1));
    c = kernel64(store_quads);
    c.rdi = window(1) - 20;
    c.rcx = 10;
    run(&c);
    if (ended(&c, PF, PF_W, AT(store_quads_at), "paging: REP STOSQ faults in an element across pages"))
        held(&c, c.rcx == 8 && c.rdi == window(1) - 4 && c.cr2 == window(1) && pages[0][4091] == 0
              && pages[0][4092] == 0x55 && pages[0][4095] == 0x55,
              "paging: REP STOSQ: registers at the iteration, that element not begun");

    window_map(1, 1, USUAL);
    *window_entry(0) = 0;
    invlpg(window(0));
    c = kernel64(move_down);
    c.rsi = AT(pages[2]) + 256;
    c.rdi = window(1) + 12;
    c.rcx = 20;
    run(&c);
    ended(&c, PF, PF_W, AT(move_down_at), "paging: REP MOVSL downwards faults");
    held(&c, c.rcx == 16 && c.rsi == AT(pages[2]) + 240 && c.rdi == window(1) - 4 && c.cr2 == window(1) - 4
          && (c.rflags & FLAG_DF), "paging: REP MOVSL downwards: registers at the iteration");

    window_map(0, 0, USUAL);
    fill(0, 1);
    fill(2, 1);
    *window_entry(1) = 0;
    invlpg(window(1));
    c = kernel64(compare_bytes);
    c.rsi = AT(pages[2]);
    c.rdi = window(1) - 5;
    c.rcx = 50;
    run(&c);
    ended(&c, PF, 0, AT(compare_bytes_at), "paging: REPE CMPSB faults");
    held(&c, c.rcx == 45 && c.rdi == window(1) && c.rsi == AT(pages[2]) + 5,
          "paging: REPE CMPSB: registers at the iteration");
}

void test_paging(void)
{
    accessed_and_dirty();
    implicit_dirty();
    large_pages();
    crossing();
    repeated();
}
