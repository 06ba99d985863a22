#include "target.h"

#if WSF_ARM64
#include "variants.h"

size_t wsf_utf8_scan_neon(const uint8_t *src, size_t n, wsf_utf8_stats *stats)
{
    return wsf_utf8_scan_scalar(src, n, stats);
}
#endif
