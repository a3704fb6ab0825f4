/* The four functions that gcc may call even in freestanding code.
 *
 * String instructions, because an interpreted processor does the whole copy
 * within one of them. Specification: the GCC manual, "Standards", freestanding
 * environment. Deliberately absent: the rest of <string.h>. */
#include <stddef.h>

void *memcpy(void *to, const void *from, size_t count);
void *memmove(void *to, const void *from, size_t count);
void *memset(void *to, int value, size_t count);
int memcmp(const void *left, const void *right, size_t count);

void *memcpy(void *to, const void *from, size_t count)
{
    void *result = to;
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
    return result;
}

void *memmove(void *to, const void *from, size_t count)
{
    if (to <= from)
        return memcpy(to, from, count);

    void *result = to;
    to = (char *)to + count - 1;
    from = (const char *)from + count - 1;
    __asm__ volatile("std; rep movsb; cld"
                     : "+D"(to), "+S"(from), "+c"(count) : : "memory");
    return result;
}

void *memset(void *to, int value, size_t count)
{
    void *result = to;
    __asm__ volatile("rep stosb" : "+D"(to), "+c"(count) : "a"(value) : "memory");
    return result;
}

int memcmp(const void *left, const void *right, size_t count)
{
    const unsigned char *l = left, *r = right;
    for (; count > 0; count--, l++, r++)
        if (*l != *r)
            return *l - *r;
    return 0;
}
