/* Which part of the tests runs, as the command line says. */
#pragma once
#include "option.h"

/* Reads the words; comes before the questions. */
void selection_start(const struct hvm_start_info *info);

/* Whether this section's tests run: with section=NAME only that one's do. */
bool is_selected(const char *section);

/* Whether leave-out=N,N,... has the number of the point that comes next: nothing
 * runs for it, and it is a skip. */
bool is_next_left_out(void);
