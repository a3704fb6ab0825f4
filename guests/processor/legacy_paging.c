/* Paging outside long mode: 32-bit entries and PAE.
 *
 * Each scheme identity-maps the first 16 MiB for the supervisor, so that the
 * way back stays mapped, and has a window at WINDOW for tests. Specification:
 * Intel SDM volume 3A, 4.3 and 4.4; AMD APM volume 2, 5.2. Deliberately absent:
 * 36-bit physical addresses in 4 MiB pages, as guests have too little memory. */
#include "pages.h"

static volatile uint32_t directory[1024] __attribute__((aligned(4096)));
static volatile uint32_t table[1024] __attribute__((aligned(4096)));
static volatile uint64_t pae_pdpt[4] __attribute__((aligned(32)));
static volatile uint64_t pae_pd[2][512] __attribute__((aligned(4096)));

FRAGMENT32(read32, "read32_at: movl (%edi), %eax"); LABEL(read32_at);
FRAGMENT32(write32, "write32_at: movl %eax, (%edi)"); LABEL(write32_at);
FRAGMENT32(jump32, "jmp *%edi");

enum scheme { SCHEME_32, SCHEME_PAE };

static struct context in_scheme(enum scheme scheme, const char *fragment, bool user)
{
    struct context c = user ? protected_user32(fragment) : protected32(fragment);
    if (user) {
        c.rip += USER_BASE;
        c.rsp += USER_BASE;
    }
    c.cr0 |= CR0_PG | CR0_WP;
    c.cr3 = scheme == SCHEME_PAE ? AT(pae_pdpt) : AT(directory);
    c.cr4 = scheme == SCHEME_PAE ? CR4_PAE : CR4_PSE;
    c.rdi = WINDOW;
    *(uint32_t *)pages[0] = 0x600df00d;
    return c;
}

static bool bits32(uint64_t entry, uint32_t wanted)
{
    return (entry & (PAGE_A | PAGE_D)) == wanted;
}

static void reset_32(void)
{
    for (uint32_t i = 0; i < 1024; i++)
        directory[i] = table[i] = 0;
    for (uint32_t i = 0; i < 4; i++) {
        directory[i] = i << 22 | PAGE_P | PAGE_W | PAGE_PS;
        directory[USER_BASE >> 22 | i] = i << 22 | USUAL | PAGE_PS;
    }
    directory[WINDOW >> 22] = (uint32_t)AT(table) | USUAL;
    table[0] = (uint32_t)AT(pages[0]) | USUAL;
}

static void two_levels(void)
{
    reset_32();
    struct context c = in_scheme(SCHEME_32, read32, false);
    run(&c);
    finished(&c, c.rax == 0x600df00d && bits32(table[0], PAGE_A) && bits32(directory[WINDOW >> 22], PAGE_A),
             "32-bit paging: a read by a 4 KiB page sets A of both levels");
    c = in_scheme(SCHEME_32, write32, true);
    run(&c);
    finished(&c, bits32(table[0], PAGE_A | PAGE_D) && bits32(directory[WINDOW >> 22], PAGE_A),
             "32-bit paging: a write by the user sets D of the page alone");
    uint32_t large = (uint32_t)AT(pages[0]) & 0xffc00000, offset = (uint32_t)AT(pages[0]) & 0x3fffff;
    directory[(WINDOW >> 22) + 1] = large | USUAL | PAGE_PS;
    c = in_scheme(SCHEME_32, read32, true);
    c.rdi = WINDOW + 0x400000 + offset;
    run(&c);
    finished(&c, c.rax == 0x600df00d && bits32(directory[(WINDOW >> 22) + 1], PAGE_A),
             "32-bit paging: a read by a 4 MiB page sets A");
    c = in_scheme(SCHEME_32, write32, false);
    c.rdi = WINDOW + 0x400000 + offset;
    run(&c);
    finished(&c, bits32(directory[(WINDOW >> 22) + 1], PAGE_A | PAGE_D),
             "32-bit paging: a write by a 4 MiB page sets D");
    directory[(WINDOW >> 22) + 1] = large | 1 << 21 | USUAL | PAGE_PS;
    c = in_scheme(SCHEME_32, read32, false);
    c.rdi = WINDOW + 0x400000 + offset;
    run(&c);
    tcg_differs("a reserved bit's error code lacks P");
    ended(&c, PF, PF_P | PF_R, AT(read32_at), "32-bit paging: bit 21 of a 4 MiB page is reserved");

    static const struct { uint32_t entry; bool user, write, wp; uint64_t error; } cases[] = {
        { 0, false, false, true, 0 }, { 0, true, true, true, PF_U | PF_W },
        { PAGE_P | PAGE_W, true, false, true, PF_P | PF_U },
        { PAGE_P | PAGE_U, true, true, true, PF_P | PF_U | PF_W },
        { PAGE_P | PAGE_U, false, true, true, PF_P | PF_W },
        { PAGE_P, false, true, true, PF_P | PF_W }, { PAGE_P, false, true, false, NO_ERROR },
        { PAGE_P | PAGE_U, true, true, false, PF_P | PF_U | PF_W },
        { PAGE_P | PAGE_W, true, true, false, PF_P | PF_U | PF_W },
    };
    for (uint32_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (uint32_t level = 0; level < 2; level++) {
            reset_32();
            if (level == 0)
                table[0] = (uint32_t)AT(pages[0]) | cases[i].entry;
            else
                directory[WINDOW >> 22] = (uint32_t)AT(table) | cases[i].entry;
            c = in_scheme(SCHEME_32, cases[i].write ? write32 : read32, cases[i].user);
            if (!cases[i].wp)
                c.cr0 &= ~(uint64_t)CR0_WP;
            run(&c);
            held(&c, cases[i].error == NO_ERROR ? c.vector == END
                 : c.vector == PF && c.error == cases[i].error && c.cr2 == WINDOW && bits32(table[0], 0),
                 text("32-bit paging: %s in ring %d, rights %x on level %d, WP %d", cases[i].write ? "write" : "read",
                      cases[i].user ? 3 : 0, cases[i].entry, level + 1, cases[i].wp));
        }
    reset_32();
    table[0] = 0;
    c = in_scheme(SCHEME_32, jump32, true);
    run(&c);
    ended(&c, PF, PF_U, WINDOW, "32-bit paging: a fetch's error code has no I");
}


/* Without CR4.PSE bit 7 of a directory entry says nothing. The code of the
 * fragment is mapped by a table for it. */
static void without_pse(void)
{
    static volatile uint32_t low[4][1024] __attribute__((aligned(4096)));
    reset_32();
    for (uint32_t i = 0; i < 4096; i++)
        low[i / 1024][i % 1024] = i << 12 | PAGE_P | PAGE_W;
    for (uint32_t i = 0; i < 4; i++)
        directory[i] = (uint32_t)AT(low[i]) | PAGE_P | PAGE_W;
    directory[WINDOW >> 22] = (uint32_t)AT(table) | USUAL | PAGE_PS;
    struct context c = in_scheme(SCHEME_32, read32, false);
    c.cr4 = 0;
    run(&c);
    finished(&c, c.rax == 0x600df00d, "32-bit paging: without CR4.PSE bit 7 says nothing");
}

static void reset_pae(void)
{
    for (uint32_t i = 0; i < 512; i++)
        pae_pd[0][i] = pae_pd[1][i] = window_pt[0][i] = 0;
    for (uint32_t i = 0; i < 8; i++)
        pae_pd[0][i] = i << 21 | PAGE_P | PAGE_W | PAGE_PS;
    for (uint32_t i = 0; i < 8; i++)
        pae_pd[1][256 + i] = i << 21 | USUAL | PAGE_PS;
    pae_pd[1][0] = AT(window_pt[0]) | USUAL;
    window_pt[0][0] = AT(pages[0]) | USUAL;
    pae_pdpt[0] = AT(pae_pd[0]) | PAGE_P;
    pae_pdpt[1] = AT(pae_pd[1]) | PAGE_P;       /* the user's image: its upper half */
    pae_pdpt[2] = AT(pae_pd[1]) | PAGE_P;       /* and the window its lower one */
    pae_pdpt[3] = 0;
}

FRAGMENT32(reload_pdpte, "movl (%edi), %ebx\n movl %eax, (%esi)\n movl %cr3, %ecx\n movl %ecx, %cr3\n movl (%edi), %edx");
FRAGMENT32(set_cr3_32, "set_cr3_32_at: movl %eax, %cr3"); LABEL(set_cr3_32_at);
FRAGMENT32(set_cr4_32, "set_cr4_32_at: movl %eax, %cr4"); LABEL(set_cr4_32_at);

static struct context in_pae(const char *fragment, bool user)
{
    struct context c = in_scheme(SCHEME_PAE, fragment, user);
    if (user) {
        c.rip += 0x20000000;
        c.rsp += 0x20000000;
    }
    return c;
}

static void three_levels(void)
{
    reset_pae();
    struct context c = in_pae(read32, true);
    run(&c);
    finished(&c, c.rax == 0x600df00d && bits32(window_pt[0][0], PAGE_A) && bits32(pae_pd[1][0], PAGE_A),
             "PAE: a read sets A of two levels");
    tcg_differs("A is set in the first level");
    held(&c, pae_pdpt[2] == (AT(pae_pd[1]) | PAGE_P), "PAE: and leaves the first level alone");
    c = in_pae(write32, false);
    run(&c);
    finished(&c, bits32(window_pt[0][0], PAGE_A | PAGE_D) && bits32(pae_pd[1][0], PAGE_A), "PAE: a write sets D");
    uint64_t large = AT(pages[0]) & ~0x1fffffull, offset = AT(pages[0]) & 0x1fffff;
    pae_pd[1][1] = large | USUAL | PAGE_PS;
    c = in_pae(read32, true);
    c.rdi = WINDOW + 0x200000 + offset;
    run(&c);
    finished(&c, c.rax == 0x600df00d && bits32(pae_pd[1][1], PAGE_A), "PAE: a read by a 2 MiB page sets A");
    c = in_pae(write32, true);
    c.rdi = WINDOW + 0x200000 + offset;
    run(&c);
    finished(&c, bits32(pae_pd[1][1], PAGE_A | PAGE_D), "PAE: a write by a 2 MiB page sets D");
    pae_pd[1][1] = large | 1 << 13 | USUAL | PAGE_PS;
    c = in_pae(read32, false);
    c.rdi = WINDOW + 0x200000 + offset;
    run(&c);
    tcg_differs("a reserved bit's error code lacks P");
    ended(&c, PF, PF_P | PF_R, AT(read32_at), "PAE: bit 13 of a 2 MiB page is reserved");

    window_pt[0][0] = AT(pages[0]) | PAGE_P | PAGE_U;
    c = in_pae(write32, true);
    run(&c);
    ended(&c, PF, PF_P | PF_W | PF_U, 0, "PAE: a write of a read-only page");
    c = in_pae(read32, false);
    c.rdi = 0xc0000123;
    run(&c);
    ended(&c, PF, 0, AT(read32_at), "PAE: an absent first level");
    held(&c, c.cr2 == 0xc0000123, "PAE: CR2");

    if (BIT(leaf_extended.edx, 20)) {
        window_pt[0][0] = AT(pages[0]) | USUAL | PAGE_NX;
        c = in_pae(jump32, false);
        c.efer = EFER_NXE;
        run(&c);
        ended(&c, PF, PF_P | PF_I, WINDOW, "PAE: NX refuses a fetch");
        c = in_pae(read32, false);
        run(&c);
        tcg_differs("a reserved bit's error code lacks P");
        ended(&c, PF, PF_P | PF_R, AT(read32_at), "PAE: NX is reserved without EFER.NXE");
    } else
        skip("PAE: NX", "not offered");
}

static void pointers(void)
{
    reset_pae();
    *(uint32_t *)pages[1] = 222;
    window_pt[1][0] = AT(pages[1]) | USUAL;
    for (uint32_t i = 0; i < 8; i++)
        pae_pd[0][256 + i] = i << 21 | USUAL | PAGE_PS;
    static volatile uint64_t other_pd[512] __attribute__((aligned(4096)));
    other_pd[0] = AT(window_pt[1]) | USUAL;
    struct context c = in_pae(reload_pdpte, false);
    c.rsi = AT(&pae_pdpt[2]);
    c.rax = AT(other_pd) | PAGE_P;
    run(&c);
    finished(&c, c.rbx == 0x600df00d && c.rdx == 222, "PAE: a write of CR3 loads the first level again");

    static volatile uint64_t bad_pdpt[4] __attribute__((aligned(32)));
    for (uint32_t i = 0; i < 4; i++)
        bad_pdpt[i] = pae_pdpt[i];
    bad_pdpt[3] = PAGE_P | PAGE_W;
    c = in_pae(set_cr3_32, false);
    c.rax = AT(bad_pdpt);
    run(&c);
    tcg_differs("the first level is not looked at before it is used");
    ended(&c, GP, 0, AT(set_cr3_32_at), "PAE: a reserved bit in a present entry of the first level is #GP(0)");
    bad_pdpt[3] = PAGE_W;
    c = in_pae(set_cr3_32, false);
    c.rax = AT(bad_pdpt);
    run(&c);
    finished(&c, c.cr3 == AT(bad_pdpt), "PAE: but not in one that is not present");
    c = in_pae(set_cr3_32, false);
    c.rax = AT(pae_pdpt) | 0x18;
    run(&c);
    finished(&c, true, "PAE: CR3 is 32-byte aligned, with PWT and PCD below");
    if (BIT(leaf1.ecx, 17)) {
        c = in_pae(set_cr4_32, false);
        c.rax = CR4_PAE | CR4_PCIDE;
        run(&c);
        ended(&c, GP, 0, AT(set_cr4_32_at), "PAE: CR4.PCIDE is #GP(0) outside long mode");
    } else
        skip("PAE: CR4.PCIDE is #GP(0) outside long mode", "not offered");
}

void test_legacy_paging(void)
{
    two_levels();
    without_pse();
    three_levels();
    pointers();
    window_reset();
}
