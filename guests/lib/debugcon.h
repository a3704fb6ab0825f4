/* The debug console: a byte written to port 0xe9 appears on the host. */
#pragma once
#include <stdbool.h>

bool debugcon_present(void);
void debugcon_write(const char *text);
