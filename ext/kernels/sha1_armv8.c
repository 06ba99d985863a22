/* SHA-1 with the cryptographic extension of ARMv8: four rounds an instruction. */
#include "sha1_armv8.h"

#ifdef WSF_SHA1_ARMV8
#include <arm_neon.h>

#include "sha1_pad.h"
#include "variants.h"

#define CRYPTO WSF_TARGET(WSF_SHA1_TARGET)
#define LOAD(p) vreinterpretq_u32_u8(vrev32q_u8(vld1q_u8(p)))

#define ROUNDS(f, k, m)                                        \
    do {                                                       \
        const uint32x4_t sum = vaddq_u32(m, vdupq_n_u32(k));   \
        const uint32_t next = vsha1h_u32(vgetq_lane_u32(abcd, 0)); \
        abcd = f(abcd, e, sum);                                \
        e = next;                                              \
    } while (0)
#define SCHEDULE(m0, m1, m2, m3) (m0 = vsha1su1q_u32(vsha1su0q_u32(m0, m1, m2), m3))

#define CH(m) ROUNDS(vsha1cq_u32, 0x5A827999, m)
#define PARITY(m) ROUNDS(vsha1pq_u32, 0x6ED9EBA1, m)
#define MAJ(m) ROUNDS(vsha1mq_u32, 0x8F1BBCDC, m)
#define PARITY2(m) ROUNDS(vsha1pq_u32, 0xCA62C1D6, m)

#define SIXTEEN(f0, f1, f2, f3)    \
    do {                           \
        SCHEDULE(m0, m1, m2, m3);  \
        f0(m0);                    \
        SCHEDULE(m1, m2, m3, m0);  \
        f1(m1);                    \
        SCHEDULE(m2, m3, m0, m1);  \
        f2(m2);                    \
        SCHEDULE(m3, m0, m1, m2);  \
        f3(m3);                    \
    } while (0)

CRYPTO static void absorb(uint32_t state[5], const uint8_t *data, size_t blocks)
{
    uint32x4_t abcd = vld1q_u32(state);
    uint32_t e = state[4];
    for (; blocks; blocks--, data += 64) {
        const uint32x4_t abcd_before = abcd;
        const uint32_t e_before = e;
        uint32x4_t m0 = LOAD(data), m1 = LOAD(data + 16);
        uint32x4_t m2 = LOAD(data + 32), m3 = LOAD(data + 48);
        CH(m0);
        CH(m1);
        CH(m2);
        CH(m3);
        SIXTEEN(CH, PARITY, PARITY, PARITY);
        SIXTEEN(PARITY, PARITY, MAJ, MAJ);
        SIXTEEN(MAJ, MAJ, MAJ, PARITY2);
        SIXTEEN(PARITY2, PARITY2, PARITY2, PARITY2);
        abcd = vaddq_u32(abcd, abcd_before);
        e += e_before;
    }
    vst1q_u32(state, abcd);
    state[4] = e;
}

CRYPTO void wsf_sha1_armv8(uint8_t digest[20], const uint8_t *data, size_t n)
{
    wsf_sha1_with(absorb, digest, data, n);
}
#endif
