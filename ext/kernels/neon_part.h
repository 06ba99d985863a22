/* A vector of 16 bytes from fewer, without a look beyond them. */
#ifndef WSF_NEON_PART_H
#define WSF_NEON_PART_H

#include <arm_neon.h>

#include "target.h"

/* src[0, n), 0 < n <= 8, and zeros. */
WSF_INLINE uint64_t wsf_load_word(const uint8_t *src, size_t n)
{
    if (n >= 4) {
        const uint64_t last = wsf_load32(src + n - 4);
        return wsf_load32(src) | last << (8 * (n - 4));
    }
    const size_t mid = n >> 1, end = n - 1;
    return (uint64_t)src[0] | (uint64_t)src[mid] << (8 * mid) | (uint64_t)src[end] << (8 * end);
}

/* src[0, n), 0 < n <= 16, and zeros. */
WSF_INLINE uint8x16_t wsf_load_part(const uint8_t *src, size_t n)
{
    const uint64_t low = n < 8 ? wsf_load_word(src, n) : wsf_load64(src);
    const uint64_t high = n <= 8 ? 0 : wsf_load_word(src + 8, n - 8);
    return vreinterpretq_u8_u64(vcombine_u64(vcreate_u64(low), vcreate_u64(high)));
}

#endif
