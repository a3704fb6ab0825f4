/* What assembly and C agree on: selectors, stacks, the started processors. */
#pragma once

#define CODE64          0x08
#define DATA            0x10

#define MAX_CPUS        64
#define STACK_SHIFT     13
#define STACK_SIZE      (1 << STACK_SHIFT)

#define UNNAMED_IDS     256     /* of xAPIC ids */
