/* A step of the validation of UTF-8: 32 bytes, by lookups of nibbles. */
#ifndef WSF_UTF8_AVX2_SCAN_H
#define WSF_UTF8_AVX2_SCAN_H

#include <immintrin.h>

#include "target.h"
#include "utf8_nibbles.h"

#define AVX2 WSF_TARGET("avx2,popcnt")
#ifndef BYTES
#define BYTES(b) _mm256_set1_epi8((char)(b))
#endif
#define LOAD(p) _mm256_loadu_si256((const __m256i *)(const void *)(p))
#define TABLE(t) _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)(t)))
#define HIGH_NIBBLES(v) _mm256_and_si256(_mm256_srli_epi16(v, 4), BYTES(0x0F))
#define LOW_NIBBLES(v) _mm256_and_si256(v, BYTES(0x0F))

typedef struct {
    __m256i last, max, wrong, continuations;
} progress;

/* The bytes `back` places before those of v. */
#define BEFORE(v, joint, back) _mm256_alignr_epi8(v, joint, 16 - (back))

AVX2 WSF_INLINE void step(progress *p, __m256i v)
{
    const __m256i joint = _mm256_permute2x128_si256(p->last, v, 0x21); /* each lane's predecessor */
    const __m256i one = BEFORE(v, joint, 1), two = BEFORE(v, joint, 2), three = BEFORE(v, joint, 3);
    const __m256i first_upper = _mm256_shuffle_epi8(TABLE(wsf_first_upper), HIGH_NIBBLES(one));
    const __m256i first_lower = _mm256_shuffle_epi8(TABLE(wsf_first_lower), LOW_NIBBLES(one));
    const __m256i second_upper = _mm256_shuffle_epi8(TABLE(wsf_second_upper), HIGH_NIBBLES(v));
    const __m256i fault = _mm256_and_si256(_mm256_and_si256(first_upper, first_lower), second_upper);
    /* Bit 7: a third or fourth byte is due, so that two continuations are no fault, but a must. */
    const __m256i third = _mm256_subs_epu8(two, BYTES(0xE0 - 0x80));
    const __m256i fourth = _mm256_subs_epu8(three, BYTES(0xF0 - 0x80));
    const __m256i due = _mm256_and_si256(_mm256_or_si256(third, fourth), BYTES(0x80));
    p->wrong = _mm256_or_si256(p->wrong, _mm256_xor_si256(fault, due));
    p->continuations = _mm256_sub_epi8(p->continuations, _mm256_cmpgt_epi8(BYTES(0xC0), v));
    p->max = _mm256_max_epu8(p->max, v);
    p->last = v;
}

/* Not zero: a code point goes on behind the last vector. */
AVX2 WSF_INLINE __m256i unfinished(__m256i v)
{
    const __m256i most = _mm256_set_epi64x((long long)0xBFDFEFFFFFFFFFFF, -1, -1, -1);
    return _mm256_subs_epu8(v, most);
}

AVX2 WSF_INLINE uint8_t largest(__m256i v)
{
    const __m128i x = _mm_max_epu8(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    const __m128i least = _mm_xor_si128(x, _mm_set1_epi8(-1));
    const __m128i words = _mm_min_epu8(least, _mm_srli_epi16(least, 8)); /* high bytes are 0 now */
    return (uint8_t)~_mm_cvtsi128_si32(_mm_minpos_epu16(words));
}

#endif
