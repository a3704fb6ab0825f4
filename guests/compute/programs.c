/* What compilers make of ordinary code: loops, calls, pointers, branches, bytes.
 *
 * A file of its own, so that the compiler cannot see from a caller that two
 * calls give the same. Every result is a known number, so a processor that is
 * fast and wrong does not pass. Specification: the ciphers and checksums are RC4
 * (as in RFC 6229) and CRC-32 (ISO 3309). Deliberately absent: floating point,
 * vectors, system instructions, copies by string instructions. */
#include "programs.h"
#include <stdbool.h>

/* Knuth's linear congruential generator: the same numbers everywhere. */
static uint32_t state;

static uint32_t next_random(void)
{
    state = state * 1664525 + 1013904223;
    return state;
}

#define LIMIT (1 << 18)
static uint8_t composite[LIMIT];

uint32_t sieve(void)
{
    uint32_t primes = 0;
    for (uint32_t i = 0; i < LIMIT; i++)
        composite[i] = 0;
    for (uint32_t i = 2; i < LIMIT; i++) {
        if (composite[i])
            continue;
        primes++;
        for (uint64_t multiple = (uint64_t)i * i; multiple < LIMIT; multiple += i)
            composite[multiple] = 1;
    }
    return primes;
}

static uint32_t fibonacci(uint32_t n)
{
    return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

uint32_t fib(void)
{
    return fibonacci(27);
}

#define BUCKETS 4096
#define NODES 16384
#define LOOKUPS 150000

struct node {
    struct node *next;
    uint32_t key;
    uint32_t value;
};

static struct node nodes[NODES];
static struct node *buckets[BUCKETS];

static uint32_t bucket_of(uint32_t key)
{
    return (key * 2654435761u) >> 20;
}

static const struct node *find(uint32_t key)
{
    for (const struct node *node = buckets[bucket_of(key)]; node; node = node->next)
        if (node->key == key)
            return node;
    return 0;
}

/* Two thirds of the keys looked up are there. */
uint32_t hash(void)
{
    state = 1;
    for (uint32_t i = 0; i < BUCKETS; i++)
        buckets[i] = 0;
    for (uint32_t i = 0; i < NODES; i++) {
        uint32_t bucket = bucket_of(i * 7);
        nodes[i] = (struct node){ buckets[bucket], i * 7, i };
        buckets[bucket] = &nodes[i];
    }

    uint32_t result = 0;
    for (uint32_t i = 0; i < LOOKUPS; i++) {
        uint32_t number = next_random() >> 8;
        const struct node *node = find(number % NODES * 7 + (number % 3 == 0));
        if (node)
            result += node->value + (1 << 20);
    }
    return result;
}

#define ITEMS 32768
static int32_t items[ITEMS];

uint32_t sort(void)
{
    state = 2;
    uint32_t before = 0, after = 0;
    for (uint32_t i = 0; i < ITEMS; i++) {
        items[i] = (int32_t)next_random();
        before += (uint32_t)items[i];
    }

    uint32_t gap = 1;
    while (gap < ITEMS / 3)
        gap = gap * 3 + 1;
    for (; gap > 0; gap /= 3) {
        for (uint32_t i = gap; i < ITEMS; i++) {
            int32_t item = items[i];
            uint32_t hole = i;
            for (; hole >= gap && items[hole - gap] > item; hole -= gap)
                items[hole] = items[hole - gap];
            items[hole] = item;
        }
    }

    bool ordered = true;
    for (uint32_t i = 0; i < ITEMS; i++) {
        after += (uint32_t)items[i];
        ordered &= i == 0 || items[i - 1] <= items[i];
    }
    return ordered && before == after ? after : 0;
}

#define STREAM 65536
static uint8_t permutation[256];
static uint8_t stream[STREAM];

/* Under the key 01 02 03 04 05. */
static void make_stream(void)
{
    for (uint32_t i = 0; i < 256; i++)
        permutation[i] = (uint8_t)i;
    uint8_t j = 0;
    for (uint32_t i = 0; i < 256; i++) {
        uint8_t one = permutation[i];
        j = (uint8_t)(j + one + i % 5 + 1);
        permutation[i] = permutation[j];
        permutation[j] = one;
    }
    uint8_t i = 0;
    j = 0;
    for (uint32_t n = 0; n < STREAM; n++) {
        uint8_t one = permutation[++i];
        j = (uint8_t)(j + one);
        uint8_t other = permutation[j];
        permutation[i] = other;
        permutation[j] = one;
        stream[n] = permutation[(uint8_t)(one + other)];
    }
}

/* The sum of the decimal digits. */
static uint32_t digits(uint32_t number)
{
    uint32_t sum = 0;
    for (; number != 0; number /= 10)
        sum += number % 10;
    return sum;
}

uint32_t bytes(void)
{
    make_stream();
    uint32_t crc = ~0u, sum = 0;
    for (uint32_t n = 0; n < STREAM; n++) {
        crc ^= stream[n];
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ 0xedb88320 : crc >> 1;
        sum += digits(crc >> (stream[n] & 31));
    }
    return ~crc + sum;
}
