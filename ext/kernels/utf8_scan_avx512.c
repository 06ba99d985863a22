/* UTF-8 validation, 64 bytes a step, with bytes compared into masks:
 *   - a byte must be a continuation if and only if a lead byte 1, 2 or 3 places before it asks for
 *     one;
 *   - for some lead bytes, a part of the continuations is forbidden in the second place. */
#include "target.h"

#ifdef WSF_AVX
#include <immintrin.h>

#include "utf8_chunk.h"

#define AVX512 WSF_TARGET("avx512f,avx512bw,avx512vl,avx512vbmi,bmi2,popcnt")
#define BYTES(b) _mm512_set1_epi8((char)(b))
#define LOAD(p) _mm512_loadu_si512((const void *)(p))

/* By the low 6 bits of a lead byte: the quarters (80-8F, 90-9F, A0-AF, B0-BF) of continuations that
 * may not follow it, as bits 0 to 3. */
static const uint8_t forbidden[64] = {
    [0x00] = 15, [0x01] = 15,                                             /* C0 C1: overlong */
    [0x20] = 3, [0x2D] = 12,                                              /* E0: overlong, ED: surrogates */
    [0x30] = 1, [0x34] = 14,                                              /* F0: overlong, F4: too large */
    [0x35] = 15, [0x36] = 15, [0x37] = 15, [0x38] = 15, [0x39] = 15, [0x3A] = 15, /* F5 to FF */
    [0x3B] = 15, [0x3C] = 15, [0x3D] = 15, [0x3E] = 15, [0x3F] = 15,
};

typedef struct {
    __m512i last, max;
    __mmask64 wrong;
    size_t continuations;
} progress;

/* The bytes `back` places before those of v. */
#define BEFORE(v, joint, back) _mm512_alignr_epi8(v, joint, 16 - (back))

AVX512 WSF_INLINE void step(progress *p, __m512i v)
{
    const __m512i joint = _mm512_alignr_epi32(v, p->last, 12); /* each lane's predecessor */
    const __m512i one = BEFORE(v, joint, 1), two = BEFORE(v, joint, 2), three = BEFORE(v, joint, 3);
    const __mmask64 continuation = _mm512_cmplt_epi8_mask(v, BYTES(0xC0));
    const __mmask64 second = _mm512_cmpge_epu8_mask(one, BYTES(0xC0));
    const __mmask64 third = _mm512_cmpge_epu8_mask(two, BYTES(0xE0));
    const __mmask64 fourth = _mm512_cmpge_epu8_mask(three, BYTES(0xF0));
    const __m512i quarters = _mm512_set_epi64(
        0x0808080808080808, 0x0808080808080808, 0x0404040404040404, 0x0404040404040404,
        0x0202020202020202, 0x0202020202020202, 0x0101010101010101, 0x0101010101010101);
    const __m512i quarter = _mm512_permutexvar_epi8(v, quarters); /* by the lower 6 bits */
    const __m512i refused = _mm512_permutexvar_epi8(one, LOAD(forbidden));
    p->wrong |= (second | third | fourth) ^ continuation;
    p->wrong |= _mm512_mask_test_epi8_mask(second, quarter, refused);
    p->continuations += (size_t)_mm_popcnt_u64(continuation);
    p->max = _mm512_max_epu8(p->max, v);
    p->last = v;
}

/* Lead bytes of code points that go on behind v. */
AVX512 WSF_INLINE __mmask64 unfinished(__m512i v)
{
    const __m512i most = _mm512_set_epi64((long long)0xBFDFEFFFFFFFFFFF, -1, -1, -1, -1, -1, -1, -1);
    return _mm512_cmpgt_epu8_mask(v, most);
}

AVX512 WSF_INLINE uint8_t largest(__m512i v)
{
    const __m256i half = _mm256_max_epu8(_mm512_castsi512_si256(v), _mm512_extracti64x4_epi64(v, 1));
    const __m128i x = _mm_max_epu8(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
    const __m128i least = _mm_xor_si128(x, _mm_set1_epi8(-1));
    const __m128i words = _mm_min_epu8(least, _mm_srli_epi16(least, 8)); /* high bytes are 0 now */
    return (uint8_t)~_mm_cvtsi128_si32(_mm_minpos_epu16(words));
}

AVX512 static int check(const uint8_t *src, size_t n, wsf_utf8_stats *stats)
{
    progress p = {_mm512_setzero_si512(), _mm512_setzero_si512(), 0, 0};
    size_t i = 0;
    while (n - i > 64) {
        const __m512i v = LOAD(src + i);
        i += 64;
        if (_mm512_movepi8_mask(v)) {
            step(&p, v);
            continue;
        }
        p.wrong |= unfinished(p.last);
        p.last = v;
        for (; n - i > 256; i += 256) {
            const __m512i a = _mm512_or_si512(LOAD(src + i), LOAD(src + i + 64));
            const __m512i b = _mm512_or_si512(LOAD(src + i + 128), LOAD(src + i + 192));
            if (_mm512_movepi8_mask(_mm512_or_si512(a, b))) {
                break;
            }
        }
    }
    const __m512i v = _mm512_maskz_loadu_epi8(~UINT64_C(0) >> (64 - (n - i)), src + i);
    if (_mm512_movepi8_mask(v)) {
        step(&p, v);
    }
    if (p.wrong | unfinished(p.last)) {
        return 0;
    }
    const uint8_t max = p.continuations ? largest(p.max) : 0;
    stats->chars += n - p.continuations;
    stats->max = max > stats->max ? max : stats->max;
    return 1;
}

AVX512 size_t wsf_utf8_scan_avx512(const uint8_t *src, size_t n, wsf_utf8_stats *stats)
{
    if (n <= 64 && !_mm512_movepi8_mask(_mm512_maskz_loadu_epi8(n ? ~UINT64_C(0) >> (64 - n) : 0, src))) {
        stats->chars += n;
        return n;
    }
    return wsf_utf8_scan_chunks(check, src, n, stats);
}
#endif
