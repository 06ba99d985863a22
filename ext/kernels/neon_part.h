/* A vector of 16 bytes from fewer, without a look beyond them. */
#ifndef WSF_NEON_PART_H
#define WSF_NEON_PART_H

#include <arm_neon.h>

#include "part.h"

/* src[0, n), 0 < n <= 16, and zeros. */
WSF_INLINE uint8x16_t wsf_load_part(const uint8_t *src, size_t n)
{
    uint64_t words[2];
    wsf_part_words(src, n, words);
    return vreinterpretq_u8_u64(vcombine_u64(vcreate_u64(words[0]), vcreate_u64(words[1])));
}

#endif
