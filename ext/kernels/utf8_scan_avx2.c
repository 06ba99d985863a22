/* UTF-8 validation, 32 bytes a step, by lookups of nibbles. */
#include "target.h"

#ifdef WSF_AVX
#include <immintrin.h>

#include "avx2_part.h"
#include "utf8_chunk.h"
#include "utf8_nibbles.h"

#define AVX2 WSF_TARGET("avx2,popcnt")
#define BYTES(b) _mm256_set1_epi8((char)(b))
#define LOAD(p) _mm256_loadu_si256((const __m256i *)(const void *)(p))
#define TABLE(t) _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)(t)))
#define UPPER(v) _mm256_and_si256(_mm256_srli_epi16(v, 4), BYTES(0x0F)) /* half of each byte */
#define LOWER(v) _mm256_and_si256(v, BYTES(0x0F))

typedef struct {
    __m256i last, max, wrong, continuations;
} progress;

/* The bytes `back` places before those of v. */
#define BEFORE(v, joint, back) _mm256_alignr_epi8(v, joint, 16 - (back))

AVX2 WSF_INLINE void step(progress *p, __m256i v)
{
    const __m256i joint = _mm256_permute2x128_si256(p->last, v, 0x21); /* each lane's predecessor */
    const __m256i one = BEFORE(v, joint, 1), two = BEFORE(v, joint, 2), three = BEFORE(v, joint, 3);
    const __m256i first_upper = _mm256_shuffle_epi8(TABLE(wsf_first_upper), UPPER(one));
    const __m256i first_lower = _mm256_shuffle_epi8(TABLE(wsf_first_lower), LOWER(one));
    const __m256i second_upper = _mm256_shuffle_epi8(TABLE(wsf_second_upper), UPPER(v));
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

AVX2 WSF_INLINE size_t sum(__m256i v)
{
    const __m256i sums = _mm256_sad_epu8(v, _mm256_setzero_si256());
    const __m128i x = _mm_add_epi64(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
    return (size_t)(_mm_cvtsi128_si64(x) + _mm_extract_epi64(x, 1));
}

AVX2 static int check(const uint8_t *src, size_t n, wsf_utf8_stats *stats)
{
    const __m256i zero = _mm256_setzero_si256();
    progress p = {zero, zero, zero, zero};
    size_t i = 0;
    while (n - i > 64) {
        const __m256i a = LOAD(src + i), b = LOAD(src + i + 32);
        i += 64;
        if (_mm256_movemask_epi8(_mm256_or_si256(a, b))) {
            step(&p, a);
            step(&p, b);
            continue;
        }
        p.wrong = _mm256_or_si256(p.wrong, unfinished(p.last));
        p.last = b;
        for (; n - i > 128; i += 128) {
            const __m256i c = _mm256_or_si256(LOAD(src + i), LOAD(src + i + 32));
            const __m256i d = _mm256_or_si256(LOAD(src + i + 64), LOAD(src + i + 96));
            if (_mm256_movemask_epi8(_mm256_or_si256(c, d))) {
                break;
            }
        }
    }
    if (n - i > 32) {
        step(&p, LOAD(src + i));
        i += 32;
    }
    const __m256i v = wsf_load_part(src + i, n - i);
    if (_mm256_movemask_epi8(_mm256_or_si256(v, p.last))) {
        step(&p, v);
    }
    p.wrong = _mm256_or_si256(p.wrong, unfinished(p.last));
    if (!_mm256_testz_si256(p.wrong, p.wrong)) {
        return 0;
    }
    const size_t continuations = sum(p.continuations);
    const uint8_t max = continuations ? largest(p.max) : 0;
    stats->chars += n - continuations;
    stats->max = max > stats->max ? max : stats->max;
    return 1;
}

/* Whether src[0, n), n <= 64, is ASCII. */
AVX2 WSF_INLINE int short_ascii(const uint8_t *src, size_t n)
{
    if (n >= 32) {
        return !_mm256_movemask_epi8(_mm256_or_si256(LOAD(src), LOAD(src + n - 32)));
    }
    uint64_t bytes = 0;
    if (n >= 16) {
        bytes = wsf_load64(src) | wsf_load64(src + 8) | wsf_load64(src + n - 16) | wsf_load64(src + n - 8);
    } else if (n >= 8) {
        bytes = wsf_load64(src) | wsf_load64(src + n - 8);
    } else if (n >= 4) {
        bytes = wsf_load32(src) | wsf_load32(src + n - 4);
    } else if (n > 0) {
        bytes = src[0] | src[n >> 1] | src[n - 1];
    }
    return !(bytes & UINT64_C(0x8080808080808080));
}

/* The same as check, for src[0, n), 0 < n <= 32. */
AVX2 WSF_INLINE int check_part(const uint8_t *src, size_t n, wsf_utf8_stats *stats)
{
    const __m256i zero = _mm256_setzero_si256(), v = wsf_load_part(src, n);
    progress p = {zero, zero, zero, zero};
    step(&p, v);
    p.wrong = _mm256_or_si256(p.wrong, unfinished(v));
    if (!_mm256_testz_si256(p.wrong, p.wrong)) {
        return 0;
    }
    const uint32_t continuations = (uint32_t)_mm256_movemask_epi8(_mm256_cmpgt_epi8(BYTES(0xC0), v));
    const uint8_t max = largest(v);
    stats->chars += n - (size_t)_mm_popcnt_u32(continuations);
    stats->max = max > stats->max && continuations ? max : stats->max;
    return 1;
}

AVX2 size_t wsf_utf8_scan_avx2(const uint8_t *src, size_t n, wsf_utf8_stats *stats)
{
    if (n <= 64 && short_ascii(src, n)) {
        stats->chars += n;
        return n;
    }
    if (n <= 32 && check_part(src, n, stats)) {
        return n;
    }
    return wsf_utf8_scan_chunks(check, src, n, stats);
}
#endif
