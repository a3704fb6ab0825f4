# Builds one 64-bit guest: its folder's sources and what it takes of this one's,
# compiled again for 64 bits, into OUT/NAME.elf by the folder's link.ld.
#
# A guest's Makefile sets NAME, LIBRARY to the files that it wants of the library,
# and OPTIMIZE where -O2 is not what it is about. Deliberately absent, as in
# guest.mk: debug information.
LIB := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))
OUT ?= out
OPTIMIZE ?= -O2
OBJECTS := $(patsubst %,$(OUT)/obj/$(NAME)/%.o,$(wildcard *.c *.S) $(LIBRARY))
VPATH := $(LIB)

CC := gcc
LD := ld
CFLAGS := -m64 -std=gnu11 $(OPTIMIZE) -Wall -Wextra -Werror -ffreestanding -mcmodel=small \
          -fno-pic -no-pie -fno-stack-protector -fno-asynchronous-unwind-tables \
          -fcf-protection=none -mno-red-zone -mgeneral-regs-only -I. -I$(LIB)

$(OUT)/$(NAME).elf: $(OBJECTS) link.ld
	@$(LD) -m elf_x86_64 -nostdlib -static --build-id=none -z max-page-size=4096 \
	    --no-warn-rwx-segments -T link.ld -o $@ $(OBJECTS)

$(OUT)/obj/$(NAME)/%.o: % Makefile $(LIB)/guest64.mk
	@mkdir -p $(@D)
	@$(CC) $(CFLAGS) -MMD -c -o $@ $<

-include $(OBJECTS:.o=.d)
