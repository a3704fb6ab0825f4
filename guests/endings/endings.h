/* The ways a guest can end, one function each, shared within this guest. */
#pragma once
#include "pvh.h"

/* Each ends the machine, returns the status to end it with, or returns
 * STILL_RUNNING when what it asked for did not happen. The argument is what
 * follows the ending's name and a colon, or 0. */
typedef int ending(const struct hvm_start_info *info, const char *argument);

enum { STILL_RUNNING = -1 };

/* The status of an ending that had no effect. */
enum { STATUS_NO_EFFECT = 62 };

ending end_reset_kbc, end_reset_cf9, end_pvpanic, end_triple;
ending end_watchdog, end_watchdog_stop;
ending end_halt, end_halt_loop, end_halt_sti, end_idle, end_spin, end_spin_out;
ending end_flood, end_flood_poll, end_long_line, end_debugcon;
ending end_panic_text, end_panic_text_halt;
ending end_bad_instruction, end_task_switch, end_mmio_unclaimed, end_cpus;
