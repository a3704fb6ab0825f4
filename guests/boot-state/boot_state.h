/* The parts of boot-state, and how they judge. */
#pragma once
#include "pvh.h"
#include "tap.h"
#include <stddef.h>

/* What this machine leaves undone: with peer=qemu a test point that some
 * other monitor is known to fail becomes a "todo", with the reason. */
extern bool peer_is_qemu;

#define must tap
#define must_but_qemu(passed, reason, ...) \
    (peer_is_qemu ? tap_todo(passed, "qemu microvm " reason, __VA_ARGS__) \
                  : tap(passed, __VA_ARGS__))

void check_processor(void);
void check_segments(void);
void check_task_register(void);
void check_descriptor_access(void);
void check_start_info(const struct hvm_start_info *info);
void check_memory_map(const struct hvm_start_info *info);
void check_modules(const struct hvm_start_info *info);
void check_image(void);

/* A stretch of guest memory; the last byte may be the last of 64 bits. */
struct region {
    const char *name;
    uint64_t first, last;
};

struct region region(const char *name, uint64_t address, uint64_t size);
bool overlap(struct region left, struct region right);
struct region image_region(void);

/* Whether one range of the map, RAM or (unless RAM is demanded) any other
 * that memory stands behind, contains all of the region. */
bool in_map(const struct hvm_start_info *info, struct region region, bool ram_only);

/* Calls access(argument); whether it ran without an exception. */
bool survives(void (*access)(void *), void *argument);
void survives_start(void);
