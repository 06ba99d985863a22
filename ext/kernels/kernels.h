/* The contract of the kernels: plain C11, libc only, no Python.h, no allocation.
 *
 * Every function accepts any length (0 included) and any alignment, and touches no byte outside
 * the ranges it is given.  Kernels of one kind are interchangeable: same input, same output, on
 * every byte order.  dispatch.c looks at the CPU once and lists the ones that can run here. */
#ifndef WSF_KERNELS_H
#define WSF_KERNELS_H

#include <stddef.h>
#include <stdint.h>

/* dst[i] = src[i] ^ key[i % 4] for i in [0, n).  dst == src is allowed, other overlap is not. */
typedef void wsf_xor_fn(uint8_t *dst, const uint8_t *src, size_t n, const uint8_t key[4]);

/* The same; bit 7 of what is returned is set if and only if a byte written is not ASCII. */
typedef uint8_t wsf_xor_or_fn(uint8_t *dst, const uint8_t *src, size_t n, const uint8_t key[4]);

/* What a scan has seen so far; a caller starts with zeros and may scan a stream in pieces. */
typedef struct {
    size_t chars; /* code points */
    uint8_t max;  /* the largest byte >= 0x80, or 0 if none: 0 ASCII, < 0xC4 Latin-1, < 0xF0 UCS-2,
                   * else UCS-4 */
} wsf_utf8_stats;

/* Length of the longest prefix of src[0, n) that is a sequence of whole, valid code points
 * (RFC 3629).  Adds that prefix to *stats, and nothing else. */
typedef size_t wsf_utf8_scan_fn(const uint8_t *src, size_t n, wsf_utf8_stats *stats);

/* Transcode src[0, n), which a scan has found valid and narrow enough, to one code point per
 * unit of 1, 2 or 4 bytes in native byte order.  dst holds exactly `chars` units and is aligned
 * to its unit. */
typedef void wsf_utf8_ucs1_fn(uint8_t *dst, size_t chars, const uint8_t *src, size_t n);
typedef void wsf_utf8_ucs2_fn(uint16_t *dst, size_t chars, const uint8_t *src, size_t n);
typedef void wsf_utf8_ucs4_fn(uint32_t *dst, size_t chars, const uint8_t *src, size_t n);

/* Unmask src[0, n), n <= WSF_SHORT, validate it, and write its code points as above to units, all of
 * which may be written to, in units of 1, 2 or 4 bytes, as the largest needs.  Sets *chars, and returns
 * the largest code point that such units are for: 0x7F, 0xFF, 0xFFFF or 0x10FFFF.  0 if not valid. */
enum { WSF_SHORT = 64 };
typedef uint32_t wsf_utf8_short_fn(uint32_t units[WSF_SHORT], size_t *chars, const uint8_t *src, size_t n,
                                   const uint8_t key[4]);

/* Bytes of UTF-8 that `chars` units of 1, 2 or 4 bytes become; a surrogate counts for 3. */
typedef size_t wsf_utf8_size_ucs1_fn(const uint8_t *src, size_t chars);
typedef size_t wsf_utf8_size_ucs2_fn(const uint16_t *src, size_t chars);
typedef size_t wsf_utf8_size_ucs4_fn(const uint32_t *src, size_t chars);

/* Write the UTF-8 of `chars` units to dst[0, room), room being what the functions above return, or
 * more, all of which may be written to.  Returns the bytes of UTF-8; SIZE_MAX if a unit is a
 * surrogate: then what dst holds is meaningless. */
typedef size_t wsf_utf8_from_ucs1_fn(uint8_t *dst, size_t room, const uint8_t *src, size_t chars);
typedef size_t wsf_utf8_from_ucs2_fn(uint8_t *dst, size_t room, const uint16_t *src, size_t chars);
typedef size_t wsf_utf8_from_ucs4_fn(uint8_t *dst, size_t room, const uint32_t *src, size_t chars);

/* digest = SHA-1 of data[0, n) (FIPS 180-4), in one shot. */
typedef void wsf_sha1_fn(uint8_t digest[20], const uint8_t *data, size_t n);

typedef struct {
    const char *name; /* "scalar", "sse2", "avx2", "avx512", "neon" */
    wsf_xor_fn *xor_;
    wsf_xor_or_fn *xor_or;
    wsf_utf8_scan_fn *utf8_scan;
    wsf_utf8_ucs1_fn *utf8_ucs1;
    wsf_utf8_ucs2_fn *utf8_ucs2;
    wsf_utf8_ucs4_fn *utf8_ucs4;
    wsf_utf8_short_fn *utf8_short;
    wsf_utf8_size_ucs1_fn *utf8_size_ucs1;
    wsf_utf8_size_ucs2_fn *utf8_size_ucs2;
    wsf_utf8_size_ucs4_fn *utf8_size_ucs4;
    wsf_utf8_from_ucs1_fn *utf8_from_ucs1;
    wsf_utf8_from_ucs2_fn *utf8_from_ucs2;
    wsf_utf8_from_ucs4_fn *utf8_from_ucs4;
    wsf_sha1_fn *sha1;
} wsf_kernel;

/* The kernels this CPU and its operating system can run, slowest first; *count is at least 1. */
const wsf_kernel *wsf_kernels(size_t *count);

/* Whether rest[0, n), n <= 3, what a scan left over, can still become a code point when more
 * bytes follow.  False as soon as no continuation could make it valid (RFC 3629, section 4). */
int wsf_utf8_may_continue(const uint8_t *rest, size_t n);

#endif
