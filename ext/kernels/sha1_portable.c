/* SHA-1 (FIPS 180-4, section 6.1.3: the schedule in 16 words), on any machine. */
#include "sha1_pad.h"
#include "variants.h"

WSF_INLINE uint32_t rotl(uint32_t x, int by) { return x << by | x >> (32 - by); }

WSF_INLINE uint32_t load_be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

#define CH(b, c, d) (d ^ (b & (c ^ d)))
#define PARITY(b, c, d) (b ^ c ^ d)
#define MAJ(b, c, d) ((b & c) + (d & (b ^ c)))

/* Words 0 to 15 of a block are in w; a later one takes the place of the one 16 before. */
#define FIRST(t) w[t]
#define LATER(t) \
    (w[(t) & 15] = rotl(w[((t) + 13) & 15] ^ w[((t) + 8) & 15] ^ w[((t) + 2) & 15] ^ w[(t) & 15], 1))

#define ROUND(f, k, word, a, b, c, d, e)              \
    (e += rotl(a, 5) + f(b, c, d) + (k) + (word), b = rotl(b, 30))

/* After five rounds the five variables have their old roles again. */
#define FIVE(f, k, word, last, t)                    \
    (ROUND(f, k, word(t), a, b, c, d, e),            \
     ROUND(f, k, last((t) + 1), e, a, b, c, d),      \
     ROUND(f, k, last((t) + 2), d, e, a, b, c),      \
     ROUND(f, k, last((t) + 3), c, d, e, a, b),      \
     ROUND(f, k, last((t) + 4), b, c, d, e, a))

/* Unrolled, so that every place in w is known to the compiler: half as fast again. */
static void absorb(uint32_t state[5], const uint8_t *data, size_t blocks)
{
    for (; blocks; blocks--, data += 64) {
        uint32_t a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];
        uint32_t w[16];
        for (int t = 0; t < 16; t++) {
            w[t] = load_be32(data + 4 * t);
        }
        WSF_UNROLL4
        for (int t = 0; t < 15; t += 5) {
            FIVE(CH, 0x5A827999, FIRST, FIRST, t);
        }
        FIVE(CH, 0x5A827999, FIRST, LATER, 15);
        WSF_UNROLL4
        for (int t = 20; t < 40; t += 5) {
            FIVE(PARITY, 0x6ED9EBA1, LATER, LATER, t);
        }
        WSF_UNROLL4
        for (int t = 40; t < 60; t += 5) {
            FIVE(MAJ, 0x8F1BBCDC, LATER, LATER, t);
        }
        WSF_UNROLL4
        for (int t = 60; t < 80; t += 5) {
            FIVE(PARITY, 0xCA62C1D6, LATER, LATER, t);
        }
        state[0] += a;
        state[1] += b;
        state[2] += c;
        state[3] += d;
        state[4] += e;
    }
}

/* What the handshake hashes is of 60 bytes, so the second block is padding alone: the words of its schedule,
 * with the constants of the rounds added. */
static const uint32_t padding_of_60[80] = {
    0x5A827999, 0x5A827999, 0x5A827999, 0x5A827999, 0x5A827999, 0x5A827999, 0x5A827999, 0x5A827999,
    0x5A827999, 0x5A827999, 0x5A827999, 0x5A827999, 0x5A827999, 0x5A827999, 0x5A827999, 0x5A827B79,
    0x5A827999, 0x5A827999, 0x5A827D59, 0x5A827999, 0x6ED9EBA1, 0x6ED9F321, 0x6ED9EBA1, 0x6ED9EF61,
    0x6ED9FAA1, 0x6ED9EBA1, 0x6ED9EBA1, 0x6EDA09A1, 0x6ED9EBA1, 0x6ED9F861, 0x6EDA27A1, 0x6ED9EFE1,
    0x6ED9EBA1, 0x6EDA63A1, 0x6ED9FAA1, 0x6EDA1EA1, 0x6EDADBA1, 0x6ED9FAA1, 0x6ED9EBA1, 0x6EDBDAA1,
    0x8F1BBCDC, 0x8F1C88DC, 0x8F1F7CDC, 0x8F1C005C, 0x8F1BBCDC, 0x8F234BDC, 0x8F1CBBDC, 0x8F1EE35C,
    0x8F2ABCDC, 0x8F1CACDC, 0x8F1BEFDC, 0x8F3ABBDC, 0x8F1BBCDC, 0x8F2874DC, 0x8F57BCDC, 0x8F1FC7DC,
    0x8F1CACDC, 0x8F94BBDC, 0x8F2BACDC, 0x8F4F43DC, 0xCB52C1D6, 0xCA7284D6, 0xCA63B1D6, 0xCC527CD6,
    0xCA62C1D6, 0xCB2EC1D6, 0xCE23B1D6, 0xCAA641D6, 0xCA62C1D6, 0xD1F1C1D6, 0xCB61C1D6, 0xCD895FD6,
    0xD962C1D6, 0xCB53B1D6, 0xCA95FDD6, 0xE96249D6, 0xCA62C1D6, 0xD71B49D6, 0x0663B1D6, 0xCE6D0BD6,
};

#define KNOWN(t) padding_of_60[t]

static void absorb_padding_of_60(uint32_t state[5])
{
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];
    WSF_UNROLL4
    for (int t = 0; t < 20; t += 5) {
        FIVE(CH, 0, KNOWN, KNOWN, t);
    }
    WSF_UNROLL4
    for (int t = 20; t < 40; t += 5) {
        FIVE(PARITY, 0, KNOWN, KNOWN, t);
    }
    WSF_UNROLL4
    for (int t = 40; t < 60; t += 5) {
        FIVE(MAJ, 0, KNOWN, KNOWN, t);
    }
    WSF_UNROLL4
    for (int t = 60; t < 80; t += 5) {
        FIVE(PARITY, 0, KNOWN, KNOWN, t);
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
}

void wsf_sha1_portable(uint8_t digest[20], const uint8_t *data, size_t n)
{
    if (n != 60) {
        wsf_sha1_with(absorb, digest, data, n);
        return;
    }
    uint32_t state[5];
    uint8_t first[64] = {0};
    memcpy(first, data, 60);
    first[60] = 0x80;
    memcpy(state, wsf_sha1_start, sizeof state);
    absorb(state, first, 1);
    absorb_padding_of_60(state);
    wsf_sha1_digest(digest, state);
}
