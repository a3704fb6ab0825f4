/* A small printf.
 *
 * One formatter hands its characters to a sink; the serial sink collects them,
 * so that the port is written in bursts. 64-bit values are hexadecimal only:
 * decimal would need a 64-bit division, which gcc leaves to a library that
 * freestanding guests do not have. Specification: ISO C 7.21.6.1, of which
 * this is a subset. Deliberately absent: precision, floating point, %p. */
#include "print.h"
#include "serial.h"
#include <stdbool.h>

typedef void sink(void *state, char character);

struct field {
    uint32_t width;
    bool left;
    char padding;
};

static void put_padded(sink *put, void *state, struct field field,
                       const char *text, uint32_t length)
{
    uint32_t missing = field.width > length ? field.width - length : 0;
    for (; !field.left && missing > 0; missing--)
        put(state, field.padding);
    while (length-- > 0)
        put(state, *text++);
    for (; missing > 0; missing--)
        put(state, ' ');
}

static void put_hexadecimal(sink *put, void *state, struct field field, uint64_t value)
{
    char digits[16], *first = digits + sizeof digits;
    do {
        *--first = "0123456789abcdef"[value & 15];
        value >>= 4;
    } while (value != 0);
    put_padded(put, state, field, first, (uint32_t)(digits + sizeof digits - first));
}

static void put_decimal(sink *put, void *state, struct field field,
                        uint32_t value, bool negative)
{
    char digits[11], *first = digits + sizeof digits;
    do {
        *--first = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    if (negative)
        *--first = '-';
    put_padded(put, state, field, first, (uint32_t)(digits + sizeof digits - first));
}

static void put_formatted(sink *put, void *state, const char *format, va_list arguments)
{
    for (; *format != '\0'; format++) {
        if (*format != '%') {
            put(state, *format);
            continue;
        }

        struct field field = { 0, false, ' ' };
        format++;
        for (;; format++) {
            if (*format == '-')
                field.left = true;
            else if (*format == '0')
                field.padding = '0';
            else
                break;
        }
        if (*format == '*') {
            field.width = va_arg(arguments, uint32_t);
            format++;
        }
        for (; *format >= '0' && *format <= '9'; format++)
            field.width = field.width * 10 + (uint32_t)(*format - '0');

        bool wide = format[0] == 'l' && format[1] == 'l';
        if (wide)
            format += 2;

        if (*format == 's') {
            const char *text = va_arg(arguments, const char *), *end = text;
            while (*end != '\0')
                end++;
            put_padded(put, state, field, text, (uint32_t)(end - text));
        } else if (*format == 'c') {
            char character = (char)va_arg(arguments, int);
            put_padded(put, state, field, &character, 1);
        } else if (*format == 'd') {
            int32_t value = va_arg(arguments, int32_t);
            put_decimal(put, state, field,
                        value < 0 ? -(uint32_t)value : (uint32_t)value, value < 0);
        } else if (*format == 'u') {
            put_decimal(put, state, field, va_arg(arguments, uint32_t), false);
        } else if (*format == 'x') {
            put_hexadecimal(put, state, field, wide ? va_arg(arguments, uint64_t)
                                                    : va_arg(arguments, uint32_t));
        } else if (*format == '%') {
            put(state, '%');
        } else {
            return;     /* an unknown conversion: the arguments no longer match */
        }
    }
}

struct burst {
    uint32_t count;
    char bytes[4 * UART_FIFO];
};

static void put_serial(void *state, char character)
{
    struct burst *burst = state;
    burst->bytes[burst->count++] = character;
    if (burst->count == sizeof burst->bytes) {
        serial_write(burst->bytes, burst->count);
        burst->count = 0;
    }
}

void vprint(const char *format, va_list arguments)
{
    struct burst burst = { .count = 0 };
    put_formatted(put_serial, &burst, format, arguments);
    serial_write(burst.bytes, burst.count);
}

void print(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vprint(format, arguments);
    va_end(arguments);
}

struct buffer {
    char *text;
    uint32_t size, count;
};

static void put_buffer(void *state, char character)
{
    struct buffer *buffer = state;
    if (buffer->count + 1 < buffer->size)
        buffer->text[buffer->count++] = character;
}

uint32_t vprint_to(char *text, uint32_t size, const char *format, va_list arguments)
{
    struct buffer buffer = { text, size, 0 };
    put_formatted(put_buffer, &buffer, format, arguments);
    text[buffer.count] = '\0';
    return buffer.count;
}

uint32_t print_to(char *text, uint32_t size, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    uint32_t count = vprint_to(text, size, format, arguments);
    va_end(arguments);
    return count;
}
