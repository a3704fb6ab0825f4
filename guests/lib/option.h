/* Words of the form name=value on the kernel command line. */
#pragma once
#include "pvh.h"
#include <stdbool.h>

/* The command line, or "" if the loader passed none. */
const char *command_line(const struct hvm_start_info *info);

/* What follows the last "name=", up to a blank or the end; 0 if there is none. */
const char *option(const struct hvm_start_info *info, const char *name);

/* Whether a value that option() returned is exactly this word. */
bool option_is(const char *value, const char *word);

/* If the value begins with this prefix, what follows it; otherwise 0. */
const char *option_after(const char *value, const char *prefix);

/* The decimal or 0x-prefixed number at the front of value, or fallback if
 * there is no digit. */
uint32_t option_number(const char *value, uint32_t fallback);
