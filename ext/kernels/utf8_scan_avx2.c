/* UTF-8 validation, 32 bytes a step, by lookups of nibbles. */
#include "target.h"

#ifdef WSF_AVX
#include <immintrin.h>

#include "avx2_part.h"
#include "utf8_avx2_scan.h"
#include "utf8_chunk.h"

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
