/* Fewer bytes than a vector has, and zeros behind them, without a look beyond; little-endian. */
#ifndef WSF_PART_H
#define WSF_PART_H

#include "target.h"

/* src[0, n), 0 < n <= 8. */
WSF_INLINE uint64_t wsf_part_word(const uint8_t *src, size_t n)
{
    if (n >= 4) {
        const uint64_t last = wsf_load32(src + n - 4);
        return wsf_load32(src) | last << (8 * (n - 4));
    }
    const size_t mid = n >> 1, end = n - 1;
    return (uint64_t)src[0] | (uint64_t)src[mid] << (8 * mid) | (uint64_t)src[end] << (8 * end);
}

/* The first and the second 8 bytes of src[0, n), 0 < n <= 16. */
WSF_INLINE void wsf_part_words(const uint8_t *src, size_t n, uint64_t words[2])
{
    words[0] = n < 8 ? wsf_part_word(src, n) : wsf_load64(src);
    words[1] = n <= 8 ? 0 : wsf_load64(src + n - 8) >> (8 * (16 - n));
}

#endif
