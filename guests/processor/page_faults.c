/* Who may do what with a page, and the error code of who may not.
 *
 * Every combination of rights, access, ring and control bits is tried and
 * compared with a statement of the rule in a few lines; one point each is made
 * of the combinations that share access and ring. Specification: Intel SDM
 * volume 3A, 4.6 and 4.7; AMD APM volume 2, 5.6 and 8.2.15. Deliberately absent:
 * protection keys, shadow stacks, SGX. */
#include "pages.h"
#include "tap.h"

enum access { READ, WRITE, FETCH };
static const char *const access_names[] = { "reads", "writes", "fetches" };

struct rules { bool wp, nxe, smep, smap, ac; };

/* What the rights of all levels together give: the error code, or NO_ERROR. */
static uint64_t rule(uint64_t rights, enum access access, bool user, struct rules r)
{
    uint64_t error = (access == WRITE ? PF_W : 0) | (user ? PF_U : 0)
                   | (access == FETCH && (r.nxe || r.smep) ? PF_I : 0);
    if (!(rights & PAGE_P))
        return error;
    error |= PF_P;
    if (reserved_bit() && (rights & reserved_bit()))
        return error | PF_R;
    if ((rights & PAGE_NX) && !r.nxe)
        return error | PF_R;
    if (user && !(rights & PAGE_U))
        return error;
    if (access == WRITE && !(rights & PAGE_W) && (user || r.wp))
        return error;
    if (access == FETCH && (rights & PAGE_NX))
        return error;
    if (!user && (rights & PAGE_U) && ((access == FETCH && r.smep) || (access != FETCH && r.smap && !r.ac)))
        return error;
    return NO_ERROR;
}

/* Whether all was as ruled, apart for what reserved bits had a part in. */
static struct { bool others, reserved; } good;

static void try_rights(uint64_t rights, enum access access, bool user, struct rules r)
{
    static const char *const fragments[] = { read_rdi, write_rdi, fetch_rdi };
    static const char *const labels[] = { read_rdi_at, write_rdi_at };
    struct context c = touch(fragments[access], window(0), user);
    if (r.ac)
        c.rflags |= FLAG_AC;
    pages[0][0] = 0xcd;
    pages[0][1] = END;
    c.rax = 0x30cd;
    uint64_t wanted = rule(rights, access, user, r);
    uint64_t rip = access == FETCH ? c.rdi : user ? USER_AT(labels[access]) : AT(labels[access]);
    run(&c);
    bool passed = wanted == NO_ERROR ? c.vector == END
                : c.vector == PF && c.error == wanted && c.cr2 == window(0) && c.rip == rip;
    bool reserved = wanted != NO_ERROR && (wanted & PF_R);
    bool *all = reserved ? &good.reserved : &good.others;
    if (!passed && *all && !(reserved && peer_is_tcg))
        tap_note("rights %llx: wanted error %llx; vector %llx, error %llx, cr2 %llx, rip %llx",
                 (unsigned long long)rights, (unsigned long long)wanted, (unsigned long long)c.vector,
                 (unsigned long long)c.error, (unsigned long long)c.cr2, (unsigned long long)c.rip);
    *all &= passed;
}

/* Rights of the last level, the others giving all; and those of one above. */
static void combinations(enum access access, bool user, struct rules r)
{
    static const uint64_t rights[] = {
        0, PAGE_W | PAGE_U, PAGE_P, PAGE_P | PAGE_W, PAGE_P | PAGE_U, PAGE_P | PAGE_W | PAGE_U,
    };
    good.others = true;
    for (uint32_t i = 0; i < sizeof rights / sizeof rights[0]; i++)
        for (uint32_t nx = 0; nx < 2; nx++)
            for (uint32_t reserved = 0; reserved < 2; reserved++) {
                uint64_t entry = rights[i] | (nx ? PAGE_NX : 0) | (reserved ? reserved_bit() : 0);
                window_map(0, 0, entry);
                try_rights(entry, access, user, r);
                window_map(0, 0, USUAL);
                window_pd[0] = AT(window_pt[0]) | entry;
                invlpg(window(0));
                try_rights(entry, access, user, r);
                window_pd[0] = AT(window_pt[0]) | USUAL;
                pdpt[2] = AT(window_pd) | entry;
                write_cr3(read_cr3());
                try_rights(entry, access, user, r);
                pdpt[2] = AT(window_pd) | USUAL;
                write_cr3(read_cr3());
            }
}

static void set_rules(struct rules r)
{
    uint64_t cr4 = read_cr4() & ~(uint64_t)(CR4_SMEP | CR4_SMAP);
    write_cr0((read_cr0() & ~(uint64_t)CR0_WP) | (r.wp ? CR0_WP : 0));
    write_cr4(cr4 | (r.smep ? CR4_SMEP : 0) | (r.smap ? CR4_SMAP : 0));
    wrmsr(MSR_EFER, (rdmsr(MSR_EFER) & ~(uint64_t)EFER_NXE) | (r.nxe ? EFER_NXE : 0));
}

static const struct rules ordinary = { .wp = true };

static void rights(void)
{
    bool nx = BIT(leaf_extended.edx, 20);
    for (enum access access = READ; access <= FETCH; access++)
        for (uint32_t user = 0; user < 2; user++) {
            good.reserved = true;
            for (uint32_t i = 0; i < 4; i++) {
                struct rules r = { .wp = i & 1, .nxe = i & 2 };
                if (r.nxe && !nx)
                    continue;
                set_rules(r);
                combinations(access, user, r);
                set_rules(ordinary);
                check(good.others, text("page faults: ring %d %s, all rights, WP %d, NXE %d",
                                 user ? 3 : 0, access_names[access], r.wp, r.nxe));
            }
            tcg_differs("a reserved bit's error code lacks P");
            check(good.reserved, text("page faults: ring %d %s, reserved bits set", user ? 3 : 0,
                                      access_names[access]));
        }
}

static void supervisor_prevention(void)
{
    if (BIT(leaf7.ebx, 7)) {
        for (uint32_t user = 0; user < 2; user++)
            for (uint32_t nxe = 0; nxe < 2; nxe++) {
                struct rules r = { .wp = true, .smep = true, .nxe = nxe };
                set_rules(r);
                combinations(FETCH, user, r);
                set_rules(ordinary);
                check(good.others, text("page faults: SMEP, ring %d fetches, NXE %d", user ? 3 : 0, nxe));
            }
    } else
        skip("page faults: SMEP", "not offered");
    if (!BIT(leaf7.ebx, 20)) {
        skip("page faults: SMAP", "not offered");
        return;
    }
    for (enum access access = READ; access <= WRITE; access++)
        for (uint32_t user = 0; user < 2; user++)
            for (uint32_t i = 0; i < 4; i++) {
                struct rules r = { .wp = i & 1, .smap = true, .ac = i & 2 };
                set_rules(r);
                combinations(access, user, r);
                set_rules(ordinary);
                check(good.others, text("page faults: SMAP, ring %d %s, WP %d, AC %d", user ? 3 : 0,
                                 access_names[access], r.wp, r.ac));
            }
}

FRAGMENT(stac_read, "stac\n movl (%rdi), %eax\n clac\n stac_read_at: movl (%rdi), %eax"); LABEL(stac_read_at);
FRAGMENT(load_es, "load_es_at: movw %di, %es"); LABEL(load_es_at);
FRAGMENT(user_stac, "stac"); FRAGMENT(user_clac, "clac");
FRAGMENT(enter_kernel, "int $0x31");
FRAGMENT32(stac_read32, "stac\n movl (%edi), %eax\n clac\n stac_read32_at: movl (%edi), %eax"); LABEL(stac_read32_at);

static void stac_and_implicit(void)
{
    if (!BIT(leaf7.ebx, 20))
        return;
    struct rules r = { .wp = true, .smap = true };
    set_rules(r);
    window_map(0, 0, USUAL);
    struct context c = touch(stac_read, window(0), false);
    run(&c);
    ended(&c, PF, PF_P, AT(stac_read_at), "page faults: STAC opens and CLAC closes the user's pages");
    held(&c, c.rax == *(uint32_t *)pages[0] && !(c.rflags & FLAG_AC), "page faults: the read between them works");
    c = kernel32(stac_read32);
    c.rdi = window(0);
    run(&c);
    ended(&c, PF, PF_P, AT(stac_read32_at), "page faults: STAC and CLAC in compatibility mode");

    /* The LDT on a user's page: reading it is the supervisor's implicit access. */
    ((uint64_t *)pages[0])[1] = descriptor(0, 0xfffff, 0xf3, 0xc);
    gdt[LDT / 8] = descriptor((uint32_t)window(0), 0xfff, 0x82, 0);
    gdt[LDT / 8 + 1] = 0;
    __asm__ volatile("lldt %w0" : : "r"(LDT));
    c = kernel64(load_es);
    c.rdi = 8 | 4;
    c.rflags |= FLAG_AC;
    run(&c);
    tcg_differs("an implicit supervisor access obeys EFLAGS.AC");
    ended(&c, PF, PF_P, AT(load_es_at), "page faults: AC does not open implicit accesses of ring 0");
    held(&c, c.vector != PF || c.cr2 == window(0) + 8, "page faults: CR2 is the descriptor's address");
    c = user64(load_es);
    c.rdi = 8 | 4 | 3;
    c.rflags |= FLAG_AC;
    run(&c);
    tcg_differs("an implicit supervisor access obeys EFLAGS.AC");
    ended(&c, PF, PF_P, USER_AT(load_es_at), "page faults: nor those of ring 3, whose error code has no U");
    __asm__ volatile("lldt %w0" : : "r"(0));
    set_rules(ordinary);

    window_map(0, 0, USUAL & ~PAGE_U);
    __asm__ volatile("lldt %w0" : : "r"(LDT));
    c = user64(load_es);
    c.rdi = 8 | 4 | 3;
    run(&c);
    finished(&c, c.es == (8 | 4 | 3), "page faults: implicit accesses of ring 3 reach the supervisor's pages");
    __asm__ volatile("lldt %w0" : : "r"(0));
    *window_entry(0) = 0;
    invlpg(window(0));
    __asm__ volatile("lldt %w0" : : "r"(LDT));
    c = user64(load_es);
    c.rdi = 8 | 4 | 3;
    run(&c);
    ended(&c, PF, 0, USER_AT(load_es_at), "page faults: an absent descriptor table faults as the supervisor");
    __asm__ volatile("lldt %w0" : : "r"(0));

    c = user64(user_stac);
    run(&c);
    ended(&c, UD, NO_ERROR, USER_AT(user_stac), "page faults: STAC in ring 3 is #UD");
    c = user64(user_clac);
    run(&c);
    ended(&c, UD, NO_ERROR, USER_AT(user_clac), "page faults: CLAC in ring 3 is #UD");
    c = user64(enter_kernel);
    c.rflags |= FLAG_AC;
    run(&c);
    held(&c, c.vector == TRAP && (c.handler_flags & FLAG_AC), "page faults: an interrupt leaves AC as it is");
}

FRAGMENT(read_rbp, "read_rbp_at: movl (%rbp), %eax"); LABEL(read_rbp_at);
FRAGMENT(read_rsp, "read_rsp_at: movl (%rsp), %eax"); LABEL(read_rsp_at);
FRAGMENT(push_rax, "push_rax_at: pushq %rax"); LABEL(push_rax_at);
FRAGMENT(fs_rbp, "fs_rbp_at: movl %fs:(%rbp), %eax"); LABEL(fs_rbp_at);

static void non_canonical(void)
{
    const uint64_t hole = 1ull << 47, last = hole - 1;
    struct context c = touch(read_rdi, hole, false);
    run(&c);
    ended(&c, GP, 0, AT(read_rdi_at), "page faults: a non-canonical address is #GP(0)");
    c = touch(read_rdi, ~hole, true);
    run(&c);
    ended(&c, GP, 0, USER_AT(read_rdi_at), "page faults: at the other end of the hole too, in ring 3");
    c = touch(read_rdi, last - 1, false);
    run(&c);
    held(&c, c.vector == GP || (c.vector == PF && c.cr2 == last - 1),
          "page faults: an access that reaches into the hole faults at one end");
    c = touch(fetch_rdi, hole, false);
    run(&c);
    tcg_differs("a jump faults at its target");
    ended(&c, GP, 0, AT(fetch_rdi_at), "page faults: a jump to a non-canonical address is #GP(0) at the jump");
    const struct { const char *fragment, *at, *name; } stack[] = {
        { read_rbp, read_rbp_at, "a read by RBP" }, { read_rsp, read_rsp_at, "a read by RSP" },
        { push_rax, push_rax_at, "a push" },
    };
    for (uint32_t i = 0; i < 3; i++) {
        c = user64(stack[i].fragment);
        c.rbp = c.rsp = hole + 4096;
        run(&c);
        tcg_differs("#GP, never #SS, for stack references");
        ended(&c, SS, 0, USER_AT(stack[i].at), text("page faults: %s, non-canonical, is #SS(0)", stack[i].name));
    }
    c = user64(fs_rbp);
    c.rbp = hole;
    run(&c);
    ended(&c, GP, 0, USER_AT(fs_rbp_at), "page faults: RBP with an FS prefix is #GP(0)");
}

void test_page_faults(void)
{
    window_reset();
    set_rules(ordinary);
    rights();
    supervisor_prevention();
    stac_and_implicit();
    non_canonical();
    window_reset();
}
