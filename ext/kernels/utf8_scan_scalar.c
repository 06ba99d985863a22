/* UTF-8 validation, 8 bytes a step over ASCII, a code point a step elsewhere. */
#include "utf8_walk.h"
#include "variants.h"

WSF_INLINE size_t ascii(const uint8_t *src, size_t n)
{
    size_t i = 0;
    while (n - i >= 8 && !(wsf_load64(src + i) & UINT64_C(0x8080808080808080))) {
        i += 8;
    }
    return i;
}

size_t wsf_utf8_scan_scalar(const uint8_t *src, size_t n, wsf_utf8_stats *stats)
{
    return wsf_utf8_walk(ascii, src, n, stats);
}

int wsf_utf8_may_continue(const uint8_t *rest, size_t n)
{
    if (n == 0) {
        return 1;
    }
    if (wsf_utf8_length(rest[0]) <= n) { /* invalid, or whole already */
        return 0;
    }
    if (n >= 2 && !wsf_may_follow(rest[0], rest[1])) {
        return 0;
    }
    return n < 3 || wsf_is_continuation(rest[2]);
}
