/* The programs of this guest; each does the same work whenever it is called. */
#pragma once
#include <stdint.h>

uint32_t sieve(void);       /* how many primes there are below 2^18 */
uint32_t fib(void);         /* the 27th Fibonacci number, by recursion */
uint32_t hash(void);        /* how many keys were found, and their values */
uint32_t sort(void);        /* a sum over an array in order; 0: it is not in order */
uint32_t bytes(void);       /* a checksum of a stream of bytes, and of its digits */
