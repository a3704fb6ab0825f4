/* Reading options from the kernel command line.
 *
 * A later word overrides an earlier one, because runners append a user's own
 * words to their defaults. Values end at a blank and are read in place.
 * Specification: the Linux kernel's kernel-parameters, as far as it goes.
 * Deliberately absent: quotes. */
#include "option.h"

static bool is_end(char character)
{
    return character == '\0' || character == ' ';
}

const char *command_line(const struct hvm_start_info *info)
{
    return info->cmdline_paddr != 0 ? physical(info->cmdline_paddr) : "";
}

const char *option_after(const char *value, const char *prefix)
{
    for (; *prefix != '\0'; value++, prefix++)
        if (*value != *prefix)
            return 0;
    return value;
}

const char *option(const struct hvm_start_info *info, const char *name)
{
    const char *found = 0;
    for (const char *word = command_line(info); *word != '\0'; ) {
        const char *rest = option_after(word, name);
        if (rest && *rest == '=')
            found = rest + 1;
        while (!is_end(*word))
            word++;
        while (*word == ' ')
            word++;
    }
    return found;
}

bool option_is(const char *value, const char *word)
{
    const char *rest = value ? option_after(value, word) : 0;
    return rest && is_end(*rest);
}

static uint32_t digit(char character)
{
    if (character >= '0' && character <= '9')
        return (uint32_t)(character - '0');
    if (character >= 'a' && character <= 'f')
        return (uint32_t)(character - 'a') + 10;
    return 16;
}

uint32_t option_number(const char *value, uint32_t fallback)
{
    if (!value)
        return fallback;
    uint32_t base = option_after(value, "0x") ? 16 : 10;
    if (base == 16)
        value += 2;
    if (digit(*value) >= base)
        return fallback;
    uint32_t number = 0;
    for (; digit(*value) < base; value++)
        number = number * base + digit(*value);
    return number;
}
