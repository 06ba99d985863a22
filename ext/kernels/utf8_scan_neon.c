/* UTF-8 validation, 16 bytes a step, by lookups of nibbles. */
#include "target.h"

#ifdef WSF_ARM64
#include <arm_neon.h>

#include "neon_part.h"
#include "utf8_chunk.h"
#include "utf8_nibbles.h"

typedef struct {
    uint8x16_t last, max, wrong, continuations;
} progress;

WSF_INLINE void step(progress *p, uint8x16_t v)
{
    const uint8x16_t one = vextq_u8(p->last, v, 15), two = vextq_u8(p->last, v, 14);
    const uint8x16_t three = vextq_u8(p->last, v, 13), half = vdupq_n_u8(0x0F);
    const uint8x16_t first_upper = vqtbl1q_u8(vld1q_u8(wsf_first_upper), vshrq_n_u8(one, 4));
    const uint8x16_t first_lower = vqtbl1q_u8(vld1q_u8(wsf_first_lower), vandq_u8(one, half));
    const uint8x16_t second_upper = vqtbl1q_u8(vld1q_u8(wsf_second_upper), vshrq_n_u8(v, 4));
    const uint8x16_t fault = vandq_u8(vandq_u8(first_upper, first_lower), second_upper);
    /* Bit 7: a third or fourth byte is due, so that two continuations are no fault, but a must. */
    const uint8x16_t third = vqsubq_u8(two, vdupq_n_u8(0xE0 - 0x80));
    const uint8x16_t fourth = vqsubq_u8(three, vdupq_n_u8(0xF0 - 0x80));
    const uint8x16_t due = vandq_u8(vorrq_u8(third, fourth), vdupq_n_u8(0x80));
    const uint8x16_t continuation = vcltq_s8(vreinterpretq_s8_u8(v), vdupq_n_s8(-64));
    p->wrong = vorrq_u8(p->wrong, veorq_u8(fault, due));
    p->continuations = vsubq_u8(p->continuations, continuation);
    p->max = vmaxq_u8(p->max, v);
    p->last = v;
}

/* Not zero: a code point goes on behind the last vector. */
WSF_INLINE uint8x16_t unfinished(uint8x16_t v)
{
    static const uint8_t most[16] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
                                     0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xEF, 0xDF, 0xBF};
    return vqsubq_u8(v, vld1q_u8(most));
}

WSF_INLINE uint8x16_t any(uint8x16_t a, uint8x16_t b, uint8x16_t c, uint8x16_t d)
{
    return vorrq_u8(vorrq_u8(a, b), vorrq_u8(c, d));
}

static int check(const uint8_t *src, size_t n, wsf_utf8_stats *stats)
{
    const uint8x16_t zero = vdupq_n_u8(0);
    progress p = {zero, zero, zero, zero};
    size_t i = 0, continuations = 0;
    for (; n - i > 64; i += 64) {
        const uint8x16_t a = vld1q_u8(src + i), b = vld1q_u8(src + i + 16);
        const uint8x16_t c = vld1q_u8(src + i + 32), d = vld1q_u8(src + i + 48);
        if (vmaxvq_u8(any(a, b, c, d)) < 0x80) {
            p.wrong = vorrq_u8(p.wrong, unfinished(p.last));
            p.last = d;
            continue;
        }
        step(&p, a);
        step(&p, b);
        step(&p, c);
        step(&p, d);
        continuations += vaddlvq_u8(p.continuations);
        p.continuations = zero;
    }
    for (; n - i > 16; i += 16) {
        step(&p, vld1q_u8(src + i));
    }
    step(&p, wsf_load_part(src + i, n - i));
    if (vmaxvq_u8(vorrq_u8(p.wrong, unfinished(p.last)))) {
        return 0;
    }
    continuations += vaddlvq_u8(p.continuations);
    const uint8_t max = continuations ? vmaxvq_u8(p.max) : 0;
    stats->chars += n - continuations;
    stats->max = max > stats->max ? max : stats->max;
    return 1;
}

size_t wsf_utf8_scan_neon(const uint8_t *src, size_t n, wsf_utf8_stats *stats)
{
    return wsf_utf8_scan_chunks(check, src, n, stats);
}
#endif
