# Builds one guest: its folder's sources and this one's, into OUT/NAME.elf.
#
# A guest's Makefile sets NAME and includes this file; one that wants none of
# the library sets LIBRARY to nothing. The library's objects are shared by the
# guests of one OUT, and what a guest does not use is left out of its image.
# Debug information is deliberately absent: it would record where the guest
# was built; the symbol table stays, for post-mortems.
LIB := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))
OUT ?= out
LIBRARY ?= $(wildcard $(LIB)/*.c $(LIB)/*.S)
SOURCES := $(wildcard *.c *.S)

CC := gcc
LD := ld
CFLAGS := -m32 -march=i686 -std=gnu11 -O2 -Wall -Wextra -Werror -ffreestanding \
          -fno-pic -no-pie -fno-stack-protector -fno-asynchronous-unwind-tables \
          -fcf-protection=none -mno-sse -mgeneral-regs-only \
          -ffunction-sections -fdata-sections -I$(LIB)
LDFLAGS := -m elf_i386 -nostdlib -static --gc-sections --build-id=none

objects = $(patsubst %,$(OUT)/obj/$1/%.o,$(notdir $2))
OBJECTS := $(call objects,$(NAME),$(SOURCES)) $(call objects,lib,$(LIBRARY))

$(OUT)/$(NAME).elf: $(OBJECTS) $(LIB)/guest.ld
	@$(LD) $(LDFLAGS) -T $(LIB)/guest.ld -o $@ $(OBJECTS)

$(OUT)/obj/$(NAME)/%.o: % Makefile $(LIB)/guest.mk
	@mkdir -p $(@D)
	@$(CC) $(CFLAGS) -MMD -c -o $@ $<

$(OUT)/obj/lib/%.o: $(LIB)/% $(LIB)/guest.mk
	@mkdir -p $(@D)
	@$(CC) $(CFLAGS) -MMD -c -o $@ $<

-include $(OBJECTS:.o=.d)
