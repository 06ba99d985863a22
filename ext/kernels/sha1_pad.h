/* SHA-1 in one shot around a block function: the initial state, the padding, the digest. */
#ifndef WSF_SHA1_PAD_H
#define WSF_SHA1_PAD_H

#include "kernels.h"
#include "target.h"

/* Absorb `blocks` blocks of 64 bytes. */
typedef void wsf_sha1_blocks_fn(uint32_t state[5], const uint8_t *data, size_t blocks);

WSF_INLINE void wsf_store_be32(uint8_t *p, uint32_t w)
{
    p[0] = (uint8_t)(w >> 24);
    p[1] = (uint8_t)(w >> 16);
    p[2] = (uint8_t)(w >> 8);
    p[3] = (uint8_t)w;
}

static const uint32_t wsf_sha1_start[5] = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};

WSF_INLINE void wsf_sha1_digest(uint8_t digest[20], const uint32_t state[5])
{
    for (int i = 0; i < 5; i++) {
        wsf_store_be32(digest + 4 * i, state[i]);
    }
}

WSF_INLINE void wsf_sha1_with(wsf_sha1_blocks_fn *absorb, uint8_t digest[20], const uint8_t *data, size_t n)
{
    uint32_t state[5];
    uint8_t last[128] = {0};
    const size_t whole = n / 64, rest = n % 64, size = rest < 56 ? 64 : 128;
    const uint64_t bits = (uint64_t)n * 8;
    memcpy(state, wsf_sha1_start, sizeof state);
    if (whole) {
        absorb(state, data, whole);
    }
    if (rest) {
        memcpy(last, data + whole * 64, rest);
    }
    last[rest] = 0x80;
    wsf_store_be32(last + size - 8, (uint32_t)(bits >> 32));
    wsf_store_be32(last + size - 4, (uint32_t)bits);
    absorb(state, last, size / 64);
    wsf_sha1_digest(digest, state);
}

#endif
