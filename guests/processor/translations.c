/* What must be seen after a translation was changed and invalidated.
 *
 * Every test reads through the old translation first, so that it may be cached,
 * then changes it and invalidates it in one of the ways there are. That a stale
 * one is kept is never tested: it may always be dropped. Specification: Intel
 * SDM volume 3A, 4.10; AMD APM volume 2, 5.5. Deliberately absent: other
 * processors. */
#include "pages.h"

static volatile uint64_t other_pml4[512] __attribute__((aligned(4096)));
static volatile uint64_t other_pdpt[512] __attribute__((aligned(4096)));
static volatile uint64_t other_pd[512] __attribute__((aligned(4096)));

/* Reads, changes *rsi to rax, invalidates, reads again into rbx. */
FRAGMENT(by_invlpg, "movl (%rdi), %edx\n movq %rax, (%rsi)\n invlpg (%rdi)\n movl (%rdi), %ebx");
FRAGMENT(by_cr3, "movl (%rdi), %edx\n movq %rax, (%rsi)\n movq %cr3, %rcx\n movq %rcx, %cr3\n movl (%rdi), %ebx");
FRAGMENT(by_pge, "movl (%rdi), %edx\n movq %rax, (%rsi)\n movq %cr4, %rcx\n xorb $0x80, %cl\n movq %rcx, %cr4\n"
                 "xorb $0x80, %cl\n movq %rcx, %cr4\n movl (%rdi), %ebx");
/* The same with an INVPCID of type r8 and the descriptor at r9. */
FRAGMENT(by_invpcid, "movl (%rdi), %edx\n movq %rax, (%rsi)\n invpcid (%r9), %r8\n movl (%rdi), %ebx");

static struct context change(const char *fragment, uint32_t n, volatile uint64_t *entry, uint64_t to)
{
    struct context c = kernel64(fragment);
    *(uint32_t *)pages[0] = 111;
    *(uint32_t *)pages[1] = 222;
    c.rdi = window(n);
    c.rsi = AT(entry);
    c.rax = to;
    return c;
}

static void expect_new(struct context *c, const char *name)
{
    run(c);
    finished(c, c->rdx == 111 && c->rbx == 222, name);
}

static void single_pages(void)
{
    window_reset();
    window_map(0, 0, USUAL);
    struct context c = change(by_invlpg, 0, window_entry(0), AT(pages[1]) | USUAL);
    expect_new(&c, "translations: INVLPG shows the new page");
    window_map(0, 0, USUAL);
    c = change(by_cr3, 0, window_entry(0), AT(pages[1]) | USUAL);
    expect_new(&c, "translations: a write of CR3 shows the new page");
    write_cr4(read_cr4() | CR4_PGE);
    window_map(0, 0, USUAL | PAGE_G);
    c = change(by_invlpg, 0, window_entry(0), AT(pages[1]) | USUAL | PAGE_G);
    expect_new(&c, "translations: INVLPG shows the new global page");
    window_map(0, 0, USUAL | PAGE_G);
    c = change(by_pge, 0, window_entry(0), AT(pages[1]) | USUAL | PAGE_G);
    expect_new(&c, "translations: a change of CR4.PGE shows the new global page");
    write_cr4(read_cr4() & ~(uint64_t)CR4_PGE);

    window_map(0, 0, USUAL);
    window_pt[1][0] = AT(pages[1]) | USUAL;
    c = change(by_invlpg, 0, &window_pd[0], AT(window_pt[1]) | USUAL);
    expect_new(&c, "translations: INVLPG shows a new page table");
    window_reset();
    window_map(0, 0, USUAL);
    *window_entry(0) = 0;
    invlpg(window(0));
    c = touch(read_rdi, window(0), true);
    run(&c);
    *window_entry(0) = AT(pages[0]) | USUAL;
    uint64_t first = c.vector;
    run(&c);
    finished(&c, first == PF && c.rax == 111, "translations: an entry that becomes present needs no invalidation");
    window_map(0, 0, PAGE_P);
    c = touch(write_rdi, window(0), true);
    run(&c);
    first = c.vector;
    *window_entry(0) = AT(pages[0]) | USUAL;
    run(&c);
    finished(&c, first == PF, "translations: a fault drops what it was about: more rights need no invalidation");
}

FRAGMENT(two_reads, "movl (%rdi), %eax\n movl (%rsi), %edx\n movq %rbx, (%rcx)\n invlpg (%rdi)\n"
                    "movl (%rdi), %eax\n movl (%rsi), %edx");

/* INVLPG of any address in a large page is for all of it. */
static void large_pages(void)
{
    static uint8_t far[2][4096] __attribute__((aligned(4096)));
    window_reset();
    uint64_t large = AT(pages[0]) & ~0x1fffffull;
    *(uint32_t *)pages[0] = 111;
    *(uint32_t *)far[0] = 333;
    uint64_t other = AT(far[0]) & ~0x1fffffull;
    window_pd[2] = large | USUAL | PAGE_PS;
    for (uint32_t i = 0; i < 512; i++)
        window_pt[1][i] = 0;
    window_pt[1][(AT(pages[0]) - large) / 4096] = AT(pages[1]) | USUAL;
    window_pt[1][(AT(far[0]) - other) / 4096] = AT(far[1]) | USUAL;
    *(uint32_t *)pages[1] = 222;
    *(uint32_t *)far[1] = 444;
    struct context c = kernel64(two_reads);
    c.rdi = WINDOW + 0x400000 + (AT(pages[0]) - large);
    c.rsi = WINDOW + 0x400000 + (AT(far[0]) - other);
    c.rcx = AT(&window_pd[2]);
    c.rbx = AT(window_pt[1]) | USUAL;
    if (large != other) {
        skip("translations: INVLPG of one part of a 2 MiB page is for all of it", "the image is too large");
        return;
    }
    run(&c);
    finished(&c, c.rax == 222 && c.rdx == 444,
             "translations: INVLPG of one part of a 2 MiB page is for all of it");
    window_pd[1] = window_pd[2] = 0;
}

FRAGMENT(cross_write, "movl %eax, (%rdi)\n movq %cr0, %rcx\n orl $0x10000, %ecx\n movq %rcx, %cr0\n"
                      "cross_write_at: movl %eax, (%rdi)"); LABEL(cross_write_at);
FRAGMENT(cross_cr4, "movl (%rdi), %eax\n movq %cr4, %rcx\n orq %rbx, %rcx\n movq %rcx, %cr4\n"
                    "cross_cr4_at: movl (%rdi), %eax"); LABEL(cross_cr4_at);

static void control_bits(void)
{
    window_reset();
    window_map(0, 0, PAGE_P);
    struct context c = touch(cross_write, window(0), false);
    write_cr0(read_cr0() & ~(uint64_t)CR0_WP);
    run(&c);
    write_cr0(read_cr0() | CR0_WP);
    ended(&c, PF, PF_P | PF_W, AT(cross_write_at), "translations: CR0.WP counts from the next write");
    window_map(0, 0, USUAL);
    if (BIT(leaf7.ebx, 20)) {
        c = touch(cross_cr4, window(0), false);
        c.rbx = CR4_SMAP;
        run(&c);
        write_cr4(read_cr4() & ~(uint64_t)CR4_SMAP);
        ended(&c, PF, PF_P, AT(cross_cr4_at), "translations: CR4.SMAP counts from the next read");
    } else
        skip("translations: CR4.SMAP counts from the next read", "not offered");
    window_map(0, 0, USUAL);
    c = touch(write_rdi, window(0), true);
    run(&c);
    window_map(0, 0, PAGE_P | PAGE_U);
    c = touch(write_rdi, window(0), true);
    run(&c);
    ended(&c, PF, PF_P | PF_W | PF_U, USER_AT(write_rdi_at), "translations: a page made read-only refuses writes");
}

FRAGMENT(set_cr3, "set_cr3_at: movq %rax, %cr3\n movq %cr3, %rbx"); LABEL(set_cr3_at);
FRAGMENT(set_cr4, "set_cr4_at: movq %rax, %cr4"); LABEL(set_cr4_at);
FRAGMENT32(stop_paging, "movl %cr0, %eax\n andl $0x7fffffff, %eax\n stop_paging_at: movl %eax, %cr0");
LABEL(stop_paging_at);

static void reserved_cr3(void)
{
    uint64_t usual = read_cr3();
    struct context c;
    for (uint32_t bit = 62; bit <= 63; bit++) {
        const char *name = bit == 63 ? "translations: bit 63 of CR3 is reserved without CR4.PCIDE"
                                     : "translations: a reserved bit of CR3 is #GP(0)";
        if (peer_is_tcg) {
            skip(name, "TCG: reserved bits of CR3 become part of the address");
            continue;
        }
        c = kernel64(set_cr3);
        c.rax = usual | 1ull << bit;
        run(&c);
        ended(&c, GP, 0, AT(set_cr3_at), name);
    }
    c = kernel64(set_cr3);
    c.rax = usual | 0x18;
    run(&c);
    finished(&c, c.rbx == (usual | 0x18), "translations: PCD and PWT of CR3 are kept");
    write_cr3(usual);
}

/* Two address spaces with one window each: pages[0] and pages[1]. */
FRAGMENT(switch_twice, "movq %rax, %cr3\n movl (%rdi), %ebx\n movq %rcx, %cr3\n movl (%rdi), %edx\n"
                       "movq %rax, %cr3\n movl (%rdi), %esi\n movq %r8, %cr3");
FRAGMENT(invalidate_other, "movq %rax, %cr3\n movl (%rdi), %ebx\n movq %rcx, %cr3\n movq %r10, (%rsi)\n"
                           "invpcid (%r9), %r8\n movq %r11, %cr3\n movl (%rdi), %edx\n movq %r12, %cr3");

static void process_contexts(void)
{
    uint64_t usual = read_cr3();
    if (!BIT(leaf1.ecx, 17)) {
        skip("translations: process-context identifiers", "not offered");
        struct context c = kernel64(set_cr4);
        c.rax = read_cr4() | CR4_PCIDE;
        run(&c);
        write_cr4(read_cr4() & ~(uint64_t)CR4_PCIDE);
        tcg_differs("CR4.PCIDE can be set without the feature");
        ended(&c, GP, 0, AT(set_cr4_at), "translations: CR4.PCIDE is reserved where they are not offered");
        return;
    }
    struct context c = kernel64(set_cr4);
    write_cr3(usual | 0x18);
    c.rax = read_cr4() | CR4_PCIDE;
    run(&c);
    ended(&c, GP, 0, AT(set_cr4_at), "translations: CR4.PCIDE wants 0 in bits 11:0 of CR3");
    write_cr3(usual);
    write_cr4(read_cr4() | CR4_PCIDE);
    c = kernel32(stop_paging);
    run(&c);
    ended(&c, GP, 0, AT(stop_paging_at), "translations: CR4.PCIDE keeps paging on");

    for (uint32_t i = 0; i < 512; i++) {
        other_pml4[i] = pml4[i];
        other_pdpt[i] = pdpt[i];
    }
    window_reset();
    window_map(0, 0, USUAL);
    window_pt[1][0] = AT(pages[1]) | USUAL;
    other_pml4[0] = AT(other_pdpt) | USUAL;
    other_pdpt[2] = AT(other_pd) | USUAL;
    other_pd[0] = AT(window_pt[1]) | USUAL;
    *(uint32_t *)pages[0] = 111;
    *(uint32_t *)pages[1] = 222;
    *(uint32_t *)pages[2] = 333;
    const uint64_t keep = 1ull << 63;
    c = kernel64(switch_twice);
    c.rdi = window(0);
    c.rax = usual | 1 | keep;
    c.rcx = AT(other_pml4) | 2 | keep;
    c.r8 = usual;
    run(&c);
    finished(&c, c.rbx == 111 && c.rdx == 222 && c.rsi == 111,
             "translations: each context sees its own window, nothing flushed");
    c = kernel64(set_cr3);
    c.rax = usual | 5 | keep;
    run(&c);
    finished(&c, c.rbx == (usual | 5), "translations: bit 63 of CR3 reads as 0");
    c = kernel64(switch_twice);
    c.rdi = window(0);
    c.rax = usual | 1;
    c.rcx = AT(other_pml4) | 1;
    c.r8 = usual;
    run(&c);
    finished(&c, c.rbx == 111 && c.rdx == 222 && c.rsi == 111,
             "translations: a write of CR3 without bit 63 flushes its context");
    if (BIT(leaf7.ebx, 10)) {
        for (uint64_t type = 0; type < 4; type++) {
            uint64_t operand[2] = { 2, window(0) };
            window_pt[1][0] = AT(pages[1]) | USUAL;
            c = kernel64(invalidate_other);
            c.rdi = window(0);
            c.rsi = AT(&window_pt[1][0]);
            c.rax = AT(other_pml4) | 2;
            c.rcx = usual | 1 | keep;
            c.r8 = type;
            c.r9 = AT(operand);
            c.r10 = AT(pages[2]) | USUAL;
            c.r11 = AT(other_pml4) | 2 | keep;
            c.r12 = usual;
            run(&c);
            finished(&c, c.rbx == 222 && c.rdx == 333,
                     text("translations: INVPCID of type %u reaches another context", (uint32_t)type));
        }
    }
    write_cr3(usual);
    write_cr4(read_cr4() & ~(uint64_t)CR4_PCIDE);
    window_reset();
}

FRAGMENT(invpcid_only, "invpcid_only_at: invpcid (%r9), %r8"); LABEL(invpcid_only_at);

static void invpcid(void)
{
    if (!BIT(leaf7.ebx, 10)) {
        uint64_t operand[2] = { 0, 0 };
        struct context c = kernel64(invpcid_only);
        c.r9 = AT(operand);
        run(&c);
        ended(&c, UD, NO_ERROR, AT(invpcid_only_at), "translations: INVPCID is #UD where it is not offered");
        return;
    }
    for (uint64_t type = 0; type < 4; type++) {
        uint64_t operand[2] = { 0, window(0) };
        window_map(0, 0, USUAL);
        struct context c = change(by_invpcid, 0, window_entry(0), AT(pages[1]) | USUAL);
        c.r8 = type;
        c.r9 = AT(operand);
        expect_new(&c, text("translations: INVPCID of type %u shows the new page", (uint32_t)type));
    }
    write_cr4(read_cr4() | CR4_PGE);
    uint64_t all[2] = { 0, 0 };
    window_map(0, 0, USUAL | PAGE_G);
    struct context c = change(by_invpcid, 0, window_entry(0), AT(pages[1]) | USUAL | PAGE_G);
    c.r8 = 2;
    c.r9 = AT(all);
    expect_new(&c, "translations: INVPCID of type 2 shows the new global page");
    write_cr4(read_cr4() & ~(uint64_t)CR4_PGE);

    static const struct { uint64_t type, first, second; const char *name; } refused[] = {
        { 4, 0, 0, "an unknown type" }, { 1, 1ull << 12, 0, "a reserved bit of the descriptor" },
        { 0, 0, 1ull << 47, "a non-canonical address" }, { 1, 1, 0, "a context without CR4.PCIDE" },
    };
    for (uint32_t i = 0; i < 4; i++) {
        uint64_t operand[2] = { refused[i].first, refused[i].second };
        c = kernel64(invpcid_only);
        c.r8 = refused[i].type;
        c.r9 = AT(operand);
        run(&c);
        ended(&c, GP, 0, AT(invpcid_only_at), text("translations: INVPCID with %s is #GP(0)", refused[i].name));
    }
}

void test_translations(void)
{
    single_pages();
    large_pages();
    control_bits();
    reserved_cr3();
    process_contexts();
    invpcid();
    window_reset();
}
