/* The window that paging tests map as they like. */
#pragma once
#include "processor.h"

#define PAGES 8
extern uint8_t pages[PAGES][4096];                      /* what tests map: four each of theirs */
extern volatile uint64_t window_pt[2][512];             /* below window_pd[0] and [1] */

enum { USUAL = PAGE_P | PAGE_W | PAGE_U };

/* Empties the window, but for its two page tables. */
void window_reset(void);

/* The entry of page n of the window, and the address of that page. */
static inline volatile uint64_t *window_entry(uint32_t n)
{
    return &window_pt[n / 512][n % 512];
}

static inline uint64_t window(uint32_t n)
{
    return WINDOW + n * 4096ull;
}

/* Maps page n of the window to pages[which] with these rights. */
void window_map(uint32_t n, uint32_t which, uint64_t rights);

/* The lowest reserved bit of a page-table entry; 0 if there is none. */
uint64_t reserved_bit(void);

/* Fragments whose access is at label NAME_at, its address in RDI. */
LABEL(read_rdi); LABEL(read_rdi_at);
LABEL(write_rdi); LABEL(write_rdi_at);
LABEL(fetch_rdi); LABEL(fetch_rdi_at);

/* One of them, at this address, in ring 0 or 3. */
struct context touch(const char *fragment, uint64_t address, bool user);
