/* What the vector scans share: they check chunks which end between code points, so that a chunk
 * is either right as a whole, or short enough to be walked again one code point at a time. */
#ifndef WSF_UTF8_CHUNK_H
#define WSF_UTF8_CHUNK_H

#include "variants.h"
#include "target.h"

enum { WSF_CHUNK = 4096 };

/* Whether src[0, n), n > 0, is valid; only then adds it to *stats. */
typedef int wsf_utf8_check_fn(const uint8_t *src, size_t n, wsf_utf8_stats *stats);

/* How many of the last bytes are the beginning of a code point that goes on behind src[0, n).
 * It may be wrong about bad bytes: they are none of the valid prefix either way. */
WSF_INLINE size_t wsf_utf8_cut(const uint8_t *src, size_t n)
{
    if (n >= 1 && src[n - 1] >= 0xC0) {
        return 1;
    }
    if (n >= 2 && src[n - 2] >= 0xE0) {
        return 2;
    }
    return n >= 3 && src[n - 3] >= 0xF0 ? 3 : 0;
}

WSF_INLINE size_t wsf_utf8_scan_chunks(wsf_utf8_check_fn *check, const uint8_t *src, size_t n,
                                       wsf_utf8_stats *stats)
{
    size_t i = 0;
    for (;;) {
        const size_t size = n - i < WSF_CHUNK ? n - i : WSF_CHUNK;
        const size_t whole = size - wsf_utf8_cut(src + i, size);
        if (whole == 0) {
            return i;
        }
        if (!check(src + i, whole, stats)) {
            return i + wsf_utf8_scan_scalar(src + i, whole, stats);
        }
        i += whole;
    }
}

#endif
