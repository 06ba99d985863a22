// Checks every kernel that wsf_kernels() lists on this machine against naive code written apart
// from them.  Each range handed out ends at an unreadable page, or starts behind one.
//
//   cc -std=c11 -O2 -Wall -Wextra -Werror -Iext/kernels tests/kernels/*.c ext/kernels/*.c -o test_kernels
//
// Worth running too: -O1 and -O3; -g -fsanitize=address,undefined; with -static under
// qemu-x86_64 -cpu qemu64 and -cpu Haswell (kernels drop out); aarch64-linux-gnu-gcc -static under
// qemu-aarch64; s390x-linux-gnu-gcc -static under qemu-s390x (big-endian).
#if !defined(_WIN32)
#define _DEFAULT_SOURCE
#define _DARWIN_C_SOURCE
#endif
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels.h"

#if defined(_WIN32)
#include <windows.h>
#else
#include <sys/mman.h>
#include <unistd.h>
#endif

static const wsf_kernel *kernel; /* the one under test */
static unsigned long checks;

#define CHECK(condition, ...)                                          \
    do {                                                               \
        checks++;                                                      \
        if (!(condition)) {                                            \
            printf("%s: line %d: %s: ", kernel->name, __LINE__, #condition); \
            printf(__VA_ARGS__);                                       \
            printf("\n");                                              \
            exit(1);                                                   \
        }                                                              \
    } while (0)

static uint32_t random32(void)
{
    static uint64_t state = 88172645463325252u;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 16);
}

static uint32_t below(uint32_t limit) { return random32() % limit; }

/* --- memory between two unreadable pages ------------------------------------------------------ */

typedef struct {
    uint8_t *begin, *end;
} arena;

static arena make_arena(size_t least)
{
#if defined(_WIN32)
    const size_t page = 65536, size = (least / page + 1) * page;
    DWORD old;
    uint8_t *base = VirtualAlloc(NULL, size + 2 * page, MEM_COMMIT | MEM_RESERVE, PAGE_READWRITE);
    if (!base || !VirtualProtect(base, page, PAGE_NOACCESS, &old) ||
        !VirtualProtect(base + page + size, page, PAGE_NOACCESS, &old)) {
        exit(2);
    }
#else
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), size = (least / page + 1) * page;
    uint8_t *base = mmap(NULL, size + 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED || mprotect(base, page, PROT_NONE) ||
        mprotect(base + page + size, page, PROT_NONE)) {
        exit(2);
    }
#endif
    return (arena){base + page, base + page + size};
}

static arena in, out; /* source and destination of the kernels */

enum { ROOM = 1 << 18, SLACK = 64, MARK = 0xA5 };

/* `size` bytes at one edge of the arena, the SLACK bytes on the other side marked. */
static uint8_t *place(arena a, int at_end, size_t size)
{
    uint8_t *p = at_end ? a.end - size : a.begin;
    memset(at_end ? p - SLACK : p + size, MARK, SLACK);
    return p;
}

static int marks_stand(const uint8_t *p, int at_end, size_t size)
{
    const uint8_t *slack = at_end ? p - SLACK : p + size;
    for (int i = 0; i < SLACK; i++) {
        if (slack[i] != MARK) {
            return 0;
        }
    }
    return 1;
}

/* --- xor -------------------------------------------------------------------------------------- */

static void one_xor(uint8_t *dst, const uint8_t *src, size_t n, const uint8_t key[4], int watch)
{
    static uint8_t want[ROOM];
    uint8_t seen = 0;
    for (size_t i = 0; i < n; i++) {
        want[i] = (uint8_t)(src[i] ^ key[i % 4]);
        seen |= want[i];
    }
    if (watch) {
        const uint8_t result = kernel->xor_or(dst, src, n, key);
        CHECK((result & 0x80) == (seen & 0x80), "n %zu", n);
    } else {
        kernel->xor_(dst, src, n, key);
    }
    CHECK(memcmp(dst, want, n) == 0, "n %zu src %p dst %p", n, (const void *)src, (void *)dst);
}

static void fill(uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        p[i] = (uint8_t)random32();
    }
}

static void test_xor_length(size_t n, unsigned step)
{
    const uint8_t key[4] = {(uint8_t)random32(), (uint8_t)random32(), (uint8_t)random32(), 0x9C};
    for (int watch = 0; watch < 2; watch++) {
        for (unsigned from = 0; from < 16; from += step) {
            for (unsigned to = 0; to < 16; to += step) {
                const int at_end = (from ^ to) & 1;
                uint8_t *src = place(in, at_end, n + from), *dst = place(out, !at_end, n + to);
                src += at_end ? 0 : from;
                dst += at_end ? to : 0;
                fill(src, n);
                memset(dst, 0, n);
                one_xor(dst, src, n, key, watch);
                CHECK(marks_stand(at_end ? dst - to : dst, !at_end, n + to), "n %zu", n);
            }
            uint8_t *both = place(out, from & 1, n + from);
            fill(both, n + from);
            one_xor(both, both, n, key, watch);
            one_xor(both + from, both + from, n, key, watch);
            CHECK(marks_stand(both, from & 1, n + from), "n %zu", n);
        }
        for (int at_end = 0; at_end < 2; at_end++) {
            uint8_t *src = place(in, at_end, n), *dst = place(out, at_end, n);
            fill(src, n);
            one_xor(dst, src, n, key, watch);
            one_xor(src, src, n, key, watch);
        }
    }
}

static void test_xor(void)
{
    static const size_t big[] = {511, 512, 513, 1000, 4095, 4096, 4097, 16384, 65535, 65536, 100003};
    for (size_t n = 0; n <= 300; n++) {
        test_xor_length(n, 1);
    }
    for (size_t i = 0; i < sizeof big / sizeof *big; i++) {
        test_xor_length(big[i], 5);
    }
    /* The result of xor_or must see each single byte. */
    const uint8_t key[4] = {0x81, 0x42, 0xFF, 0x00};
    for (size_t n = 1; n <= 700; n += n < 300 ? 1 : 37) {
        uint8_t *src = place(in, 1, n), *dst = place(out, 1, n);
        for (size_t i = 0; i < n; i++) {
            src[i] = (uint8_t)((i & 0x7F) ^ key[i % 4]);
        }
        CHECK(!(kernel->xor_or(dst, src, n, key) & 0x80), "n %zu", n);
        for (size_t i = 0; i < n; i++) {
            src[i] ^= 0x80;
            CHECK(kernel->xor_or(dst, src, n, key) & 0x80, "n %zu byte %zu", n, i);
            src[i] ^= 0x80;
        }
    }
}

/* --- utf-8: a slow decoder that follows the text of RFC 3629 ---------------------------------- */

/* Bits that byte carries if its top bits are `prefix` of this width, else -1. */
static int bits(uint8_t byte, int prefix, int width)
{
    return byte >> (8 - width) == prefix ? byte & ((1 << (8 - width)) - 1) : -1;
}

static size_t naive_point(const uint8_t *p, size_t n, uint32_t *point)
{
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    size_t length;
    int value;
    if ((value = bits(p[0], 0, 1)) >= 0) {
        length = 1;
    } else if ((value = bits(p[0], 6, 3)) >= 0) {
        length = 2;
    } else if ((value = bits(p[0], 14, 4)) >= 0) {
        length = 3;
    } else if ((value = bits(p[0], 30, 5)) >= 0) {
        length = 4;
    } else {
        return 0;
    }
    if (length > n) {
        return 0;
    }
    uint32_t whole = (uint32_t)value;
    for (size_t i = 1; i < length; i++) {
        if ((value = bits(p[i], 2, 2)) < 0) {
            return 0;
        }
        whole = whole * 64 + (uint32_t)value;
    }
    if (whole < least[length] || whole > 0x10FFFF || (whole >= 0xD800 && whole < 0xE000)) {
        return 0;
    }
    *point = whole;
    return length;
}

static size_t naive_scan(const uint8_t *src, size_t n, wsf_utf8_stats *stats)
{
    size_t i = 0;
    uint32_t point;
    while (i < n) {
        const size_t length = naive_point(src + i, n - i, &point);
        if (!length) {
            break;
        }
        if (length > 1 && src[i] > stats->max) {
            stats->max = src[i];
        }
        stats->chars++;
        i += length;
    }
    return i;
}

static size_t put_point(uint8_t *p, uint32_t u)
{
    if (u < 0x80) {
        p[0] = (uint8_t)u;
        return 1;
    }
    const size_t length = u < 0x800 ? 2 : u < 0x10000 ? 3 : 4;
    for (size_t i = length; --i; u /= 64) {
        p[i] = (uint8_t)(0x80 + u % 64);
    }
    p[0] = (uint8_t)((0xF00 >> length & 0xF0) + u);
    return length;
}

/* --- utf-8: texts ----------------------------------------------------------------------------- */

enum { ASCII = 1, LATIN1 = 2, TWO = 4, THREE = 8, FOUR = 16 };
static const int classes[] = {ASCII, LATIN1, TWO, THREE, FOUR, ASCII | LATIN1, ASCII | TWO, ASCII | THREE,
                              ASCII | FOUR, LATIN1 | TWO | THREE, THREE | FOUR, TWO | FOUR,
                              ASCII | LATIN1 | TWO | THREE, ASCII | LATIN1 | TWO | THREE | FOUR};
enum { CLASSES = sizeof classes / sizeof *classes };

static uint32_t random_point(int class)
{
    static const uint32_t edges[][2] = {
        {0, 0x7F}, {0x80, 0xFF}, {0x80, 0x7FF}, {0x800, 0xFFFF}, {0x10000, 0x10FFFF}};
    int which;
    do {
        which = (int)below(5);
    } while (!(class >> which & 1));
    const uint32_t low = edges[which][0], high = edges[which][1];
    const uint32_t odd = below(12);
    const uint32_t point = odd == 0 ? low : odd == 1 ? high : low + below(high - low + 1);
    return point >= 0xD800 && point < 0xE000 ? (odd & 1 ? 0xD7FF : 0xE000) : point;
}

/* At most n bytes of text with runs of the classes; returns how many. */
static size_t make_text(uint8_t *p, size_t n, int class)
{
    size_t size = 0;
    int run = 0, one = ASCII;
    for (int tries = 0; size < n && tries < 4; run--) {
        uint8_t bytes[4];
        if (run <= 0) {
            run = below(4) ? (int)below(6) : (int)below(90);
            do {
                one = 1 << below(5);
            } while (!(class & one));
        }
        const size_t length = put_point(bytes, random_point(one));
        if (length > n - size) {
            run = 0;
            tries++;
            continue;
        }
        memcpy(p + size, bytes, length);
        size += length;
    }
    return size;
}

/* --- utf-8: scan ------------------------------------------------------------------------------ */

static void one_scan(const uint8_t *src, size_t n)
{
    wsf_utf8_stats want = {below(1000), 0}, got = want;
    const size_t prefix = naive_scan(src, n, &want), result = kernel->utf8_scan(src, n, &got);
    CHECK(result == prefix, "n %zu: %zu, not %zu", n, result, prefix);
    CHECK(got.chars == want.chars, "n %zu: %zu, not %zu", n, got.chars, want.chars);
    CHECK(got.max == want.max, "n %zu: %d, not %d", n, got.max, want.max);
}

/* The bytes in the middle of ASCII, so that they meet every place of a vector. */
static void one_sequence(const uint8_t *bytes, size_t length, size_t before, size_t after)
{
    const size_t n = before + length + after;
    uint8_t *src = place(in, 1, n);
    memset(src, 'x', n);
    memcpy(src + before, bytes, length);
    one_scan(src, n);
}

static void test_scan_sequences(void)
{
    static const uint8_t edges[] = {0x00, 0x41, 0x7F, 0x80, 0x81, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1,
                                    0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED, 0xEE, 0xEF, 0xF0, 0xF1, 0xF3, 0xF4,
                                    0xF5, 0xF7, 0xF8, 0xFF};
    enum { EDGES = sizeof edges };
    unsigned round = 0;
    for (unsigned a = 0; a < 256; a++) {
        for (unsigned b = 0; b < 256; b++, round++) {
            const uint8_t two[2] = {(uint8_t)a, (uint8_t)b};
            one_sequence(two, 2, 0, 0);
            one_sequence(two, 2, round % 67, round % 131);
            one_sequence(two, 2, round % 193, round % 71);
        }
    }
    for (unsigned a = 0; a < EDGES; a++) {
        for (unsigned b = 0; b < EDGES; b++) {
            for (unsigned c = 0; c < EDGES; c++, round++) {
                const uint8_t three[3] = {edges[a], edges[b], edges[c]};
                one_sequence(three, 3, 0, 0);
                one_sequence(three, 3, round % 67, round % 131);
                one_sequence(three, 3, round % 193, 0);
                if (edges[a] < 0xE0) {
                    continue;
                }
                for (unsigned d = 0; d < EDGES; d++, round++) {
                    const uint8_t four[4] = {edges[a], edges[b], edges[c], edges[d]};
                    one_sequence(four, 4, round % 67, round % 131);
                    one_sequence(four, 4, round % 193, round % 3);
                }
            }
        }
    }
}

static void test_scan_texts(void)
{
    static const uint8_t corrupt[] = {0x00, 0x41, 0x80, 0xBF, 0xC0, 0xC3, 0xE0,
                                      0xE2, 0xED, 0xF0, 0xF2, 0xF4, 0xF5, 0xFF};
    for (int c = 0; c < CLASSES; c++) {
        static uint8_t text[300];
        const size_t size = make_text(text, 270, classes[c]);
        for (size_t n = 0; n <= size; n++) { /* every truncation */
            one_scan(memcpy(place(in, 1, n), text, n), n);
            one_scan(memcpy(place(in, 0, n), text, n), n);
        }
        for (size_t at = 0; at <= 200; at++) {
            for (size_t i = 0; i < sizeof corrupt; i++) {
                const size_t n = size - below(60);
                uint8_t *src = memcpy(place(in, 1, n), text, n);
                src[at] = corrupt[i];
                one_scan(src, n);
            }
        }
        for (size_t cut = 0; cut <= size; cut++) { /* in two pieces, the rest carried over */
            wsf_utf8_stats want = {0, 0}, got = {0, 0};
            naive_scan(text, size, &want);
            const size_t first = kernel->utf8_scan(memcpy(place(in, 1, cut), text, cut), cut, &got);
            CHECK(cut - first <= 3 && wsf_utf8_may_continue(text + first, cut - first), "cut %zu", cut);
            const size_t left = size - first;
            const uint8_t *rest = memcpy(place(in, 1, left), text + first, left);
            CHECK(kernel->utf8_scan(rest, left, &got) == left, "cut %zu", cut);
            CHECK(got.chars == want.chars && got.max == want.max, "cut %zu", cut);
        }
    }
    for (int round = 0; round < 600; round++) { /* longer ones, sound and with an error somewhere */
        uint8_t *src = in.begin;
        const size_t size = make_text(src, round % 7 ? below(9000) : below(200000), classes[round % CLASSES]);
        src = memmove(in.end - size, src, size);
        one_scan(src, size);
        if (size) {
            src[below((uint32_t)size)] = (uint8_t)random32();
            one_scan(src, size);
        }
    }
}

/* --- utf-8: transcoding ----------------------------------------------------------------------- */

static void transcode(int width, void *dst, size_t chars, const uint8_t *src, size_t n)
{
    if (width == 1) {
        kernel->utf8_ucs1(dst, chars, src, n);
    } else if (width == 2) {
        kernel->utf8_ucs2(dst, chars, src, n);
    } else {
        kernel->utf8_ucs4(dst, chars, src, n);
    }
}

static uint32_t unit_at(const void *units, int width, size_t i)
{
    return width == 1   ? ((const uint8_t *)units)[i]
           : width == 2 ? ((const uint16_t *)units)[i]
                        : ((const uint32_t *)units)[i];
}

static size_t size_of_units(int width, const void *units, size_t chars)
{
    return width == 1   ? kernel->utf8_size_ucs1(units, chars)
           : width == 2 ? kernel->utf8_size_ucs2(units, chars)
                        : kernel->utf8_size_ucs4(units, chars);
}

static size_t write_units(int width, uint8_t *dst, size_t room, const void *units, size_t chars)
{
    return width == 1   ? kernel->utf8_from_ucs1(dst, room, units, chars)
           : width == 2 ? kernel->utf8_from_ucs2(dst, room, units, chars)
                        : kernel->utf8_from_ucs4(dst, room, units, chars);
}

static void one_transcode(const uint8_t *text, size_t n, int at_end)
{
    wsf_utf8_stats stats = {0, 0};
    naive_scan(text, n, &stats);
    const int narrowest = stats.max < 0xC4 ? 1 : stats.max < 0xF0 ? 2 : 4;
    for (int width = narrowest; width <= 4; width *= 2) {
        const size_t size = stats.chars * (size_t)width;
        const uint8_t *src = memcpy(place(in, at_end, n), text, n);
        uint8_t *dst = place(out, at_end, size);
        memset(dst, 0xEE, size);
        transcode(width, dst, stats.chars, src, n);
        CHECK(marks_stand(dst, at_end, size), "n %zu width %d", n, width);
        for (size_t i = 0, at = 0; i < stats.chars; i++) {
            uint32_t point = 0;
            at += naive_point(src + at, n - at, &point);
            CHECK(unit_at(dst, width, i) == point, "n %zu width %d char %zu: %x, not %x", n, width, i,
                  (unsigned)unit_at(dst, width, i), (unsigned)point);
        }
        /* and back again, once into just the bytes it needs, once with a few more */
        CHECK(size_of_units(width, dst, stats.chars) == n, "n %zu width %d", n, width);
        for (size_t more = 0; more < 200; more = 3 * more + 1) {
            uint8_t *back = place(in, at_end, n + more);
            memset(back, 0, n);
            CHECK(write_units(width, back, n + more, dst, stats.chars) == n, "n %zu width %d", n, width);
            CHECK(memcmp(back, text, n) == 0, "n %zu width %d", n, width);
            CHECK(marks_stand(back, at_end, n + more), "n %zu width %d", n, width);
        }
    }
}

static void test_transcode(void)
{
    static uint8_t text[ROOM];
    for (size_t n = 0; n <= 300; n++) {
        for (int c = 0; c < CLASSES; c++) {
            for (int at_end = 0; at_end < 2; at_end++) {
                one_transcode(text, make_text(text, n, classes[c]), at_end);
            }
        }
    }
    for (int round = 0; round < 200; round++) {
        const size_t n = below(round % 9 ? 5000 : ROOM / 4 - 8192);
        one_transcode(text, make_text(text, n, classes[round % CLASSES]), round & 1);
    }
    /* What no scan has seen: the output is meaningless, the bounds must hold. */
    for (int round = 0; round < 20000; round++) {
        const size_t n = below(400), chars = below(round & 1 ? 400 : 100);
        const int at_end = round >> 1 & 1, width = 1 << below(3);
        uint8_t *src = place(in, at_end, n), *dst = place(out, at_end, chars * (size_t)width);
        make_text(src, n, classes[round % CLASSES]);
        for (size_t i = below(8), errors = round % 5 ? below(5) : n; i < errors && n; i++) {
            src[below((uint32_t)n)] = (uint8_t)random32();
        }
        transcode(width, dst, chars, src, n);
        CHECK(marks_stand(dst, at_end, chars * (size_t)width), "n %zu chars %zu", n, chars);
    }
}

/* --- utf-8: short texts ----------------------------------------------------------------------- */

static void one_short(const uint8_t *text, size_t n, int at_end)
{
    wsf_utf8_stats stats = {0, 0};
    const uint8_t key[4] = {(uint8_t)random32(), (uint8_t)random32(), (uint8_t)random32(), (uint8_t)random32()};
    const int valid = naive_scan(text, n, &stats) == n;
    const uint32_t most = !valid ? 0 : !stats.max ? 0x7F : stats.max < 0xC4 ? 0xFF : stats.max < 0xF0 ? 0xFFFF : 0x10FFFF;
    const int width = most < 0x100 ? 1 : most < 0x10000 ? 2 : 4;
    uint8_t *src = place(in, at_end, n);
    for (size_t i = 0; i < n; i++) {
        src[i] = text[i] ^ key[i % 4];
    }
    uint32_t *units = (uint32_t *)(void *)place(out, at_end, 4 * WSF_SHORT);
    size_t chars = 0;
    const uint32_t got = kernel->utf8_short(units, &chars, src, n, key);
    CHECK(marks_stand((uint8_t *)units, at_end, 4 * WSF_SHORT), "n %zu", n);
    CHECK(got == most, "n %zu: %x, not %x", n, (unsigned)got, (unsigned)most);
    CHECK(!valid || chars == stats.chars, "n %zu: %zu, not %zu", n, chars, stats.chars);
    for (size_t i = 0, at = 0; valid && i < chars; i++) {
        uint32_t point = 0;
        at += naive_point(text + at, n - at, &point);
        CHECK(unit_at(units, width, i) == point, "n %zu char %zu: %x, not %x", n, i,
              (unsigned)unit_at(units, width, i), (unsigned)point);
    }
}

static void test_short(void)
{
    uint8_t text[WSF_SHORT];
    for (int round = 0; round < 40; round++) {
        for (size_t most = 0; most <= WSF_SHORT; most++) {
            for (int c = 0; c < CLASSES; c++) {
                const size_t n = make_text(text, most, classes[c]);
                one_short(text, n, round & 1);
                for (int i = 0; i < 4 && n; i++) { /* errors, most of them */
                    uint8_t *byte = &text[below((uint32_t)n)];
                    const uint8_t before = *byte;
                    *byte = (uint8_t)random32();
                    one_short(text, n, round & 1);
                    *byte = before;
                }
                one_short(text, n ? n - 1 : 0, round & 1); /* cut, perhaps amid a code point */
            }
        }
    }
}

/* --- utf-8: what has one variant only --------------------------------------------------------- */

/* Valid beginnings of code points, marked by encoding them all. */
static void test_may_continue(void)
{
    static uint8_t begins[1 << 24], two[1 << 16], one[1 << 8];
    for (uint32_t u = 0x80; u <= 0x10FFFF; u++) {
        uint8_t p[4];
        if (u >= 0xD800 && u < 0xE000) {
            continue;
        }
        const size_t length = put_point(p, u);
        one[p[0]] = 1;
        if (length > 2) {
            two[p[0] << 8 | p[1]] = 1;
        }
        if (length > 3) {
            begins[p[0] << 16 | p[1] << 8 | p[2]] = 1;
        }
    }
    for (uint32_t i = 0; i < 1 << 24; i++) {
        const uint8_t p[3] = {(uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i};
        CHECK(!wsf_utf8_may_continue(p, 3) == !begins[i], "%06x", (unsigned)i);
        if (!(i & 0xFF)) {
            CHECK(!wsf_utf8_may_continue(p, 2) == !two[i >> 8], "%04x", (unsigned)i >> 8);
        }
        if (!(i & 0xFFFF)) {
            CHECK(!wsf_utf8_may_continue(p, 1) == !one[i >> 16], "%02x", (unsigned)i >> 16);
        }
    }
    CHECK(wsf_utf8_may_continue(NULL, 0), "nothing");
}

/* --- utf-8: encoding -------------------------------------------------------------------------- */

static void set_unit(void *units, int width, size_t i, uint32_t point)
{
    if (width == 1) {
        ((uint8_t *)units)[i] = (uint8_t)point;
    } else if (width == 2) {
        ((uint16_t *)units)[i] = (uint16_t)point;
    } else {
        ((uint32_t *)units)[i] = point;
    }
}

/* Units at the end of readable memory, or its beginning, to UTF-8 in just the bytes that it needs. */
static void one_encode(const uint32_t *points, size_t chars, int width, int at_end)
{
    static uint8_t want[4 * ROOM];
    size_t size = 0;
    int bad = 0;
    void *units = place(in, at_end, chars * (size_t)width);
    for (size_t i = 0; i < chars; i++) {
        set_unit(units, width, i, points[i]);
        bad |= points[i] >= 0xD800 && points[i] < 0xE000;
        size += put_point(want + size, points[i]);
    }
    uint8_t *dst = place(out, at_end, size);
    memset(dst, 0, size);
    CHECK(size_of_units(width, units, chars) == size, "chars %zu width %d", chars, width);
    const size_t wrote = write_units(width, dst, size, units, chars);
    CHECK(wrote == (bad ? SIZE_MAX : size), "chars %zu width %d: %zu, not %zu", chars, width, wrote, size);
    CHECK(bad || memcmp(dst, want, size) == 0, "chars %zu width %d", chars, width);
    CHECK(marks_stand(dst, at_end, size), "chars %zu width %d", chars, width);
}

static const uint32_t limit_of[5] = {0, 0xFF, 0xFFFF, 0, 0x10FFFF};

/* Every code point, among others. */
static void test_encode_points(void)
{
    static uint32_t points[96];
    for (int width = 1; width <= 4; width *= 2) {
        for (uint32_t u = 0; u <= limit_of[width]; u += 32) {
            for (uint32_t i = 0; i < 32; i++) {
                points[i] = u + i;
                points[32 + i] = u >= 0xD800 && u < 0xE000 ? 'x' : u + (i * 7 + 5) % 32;
                points[64 + i] = u >= 0xD800 && u < 0xE000 ? 'x' : u + i;
            }
            one_encode(points, 32 + below(64), width, (u >> 5) & 1);
            one_encode(points + 32, 64, width, 1);
        }
    }
}

/* Every length, every place of a wider unit among narrower ones, and every place of a surrogate. */
static void test_encode_places(void)
{
    static const uint32_t narrow[] = {'x', 0xE9, 0x416, 0x4E2D}, wide[] = {0x80, 0x7FF, 0x800, 0xFFFF, 0x10000,
                                                                        0x10FFFF, 0xD800, 0xDBFF, 0xDC00, 0xDFFF};
    static uint32_t points[301];
    for (int width = 1; width <= 4; width *= 2) {
        for (size_t n = 0; n < sizeof narrow / sizeof *narrow && narrow[n] <= limit_of[width]; n++) {
            for (size_t chars = 0; chars <= 300; chars++) {
                for (size_t i = 0; i < chars; i++) {
                    points[i] = narrow[n];
                }
                one_encode(points, chars, width, 0);
                one_encode(points, chars, width, 1);
                for (size_t at = 0; at < chars; at += chars < 100 ? 1 : 1 + below(9)) {
                    const uint32_t point = wide[below(sizeof wide / sizeof *wide)];
                    points[at] = point <= limit_of[width] ? point : 0xFF;
                    one_encode(points, chars, width, 1);
                    points[at] = narrow[n];
                }
            }
        }
    }
}

/* Surrogates in every place of texts of every class. */
static void test_encode_surrogates(void)
{
    static uint32_t points[200];
    for (size_t chars = 1; chars <= 200; chars++) {
        for (int width = 2; width <= 4; width *= 2) {
            for (size_t i = 0; i < chars; i++) {
                points[i] = random_point(ASCII | LATIN1 | TWO | THREE | (width == 4 ? FOUR : 0));
            }
            one_encode(points, chars, width, 1);
            for (size_t i = 0; i < chars; i++) {
                static const uint16_t surrogates[] = {0xD800, 0xDBFF, 0xDC00, 0xDFFF};
                const uint32_t was = points[i];
                points[i] = surrogates[below(4)];
                one_encode(points, chars, width, 1);
                points[i] = was;
            }
        }
    }
}

/* More units than a sum in a vector holds, all as wide as can be. */
static void test_encode_many(void)
{
    for (int width = 1; width <= 4; width *= 2) {
        const size_t chars = (size_t)4 << 20;
        uint8_t *units = malloc(chars * (size_t)width);
        for (size_t i = 0; i < chars; i++) {
            set_unit(units, width, i, limit_of[width]);
        }
        CHECK(size_of_units(width, units, chars) == chars * (width == 1 ? 2 : width == 2 ? 3 : 4), "width %d", width);
        free(units);
    }
}

/* --- sha-1 ------------------------------------------------------------------------------------ */

static void known_digest(const char *text, size_t n, const char *hex)
{
    uint8_t digest[20];
    char got[41];
    kernel->sha1(digest, memcpy(place(in, 1, n), text, n), n);
    for (int i = 0; i < 20; i++) {
        snprintf(got + 2 * i, 3, "%02x", digest[i]);
    }
    CHECK(strcmp(got, hex) == 0, "%s, not %s", got, hex);
}

static void test_sha1(void)
{
    static const char two_blocks[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    static const char request[] = "dGhlIHNhbXBsZSBub25jZQ==258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    known_digest("", 0, "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    known_digest("abc", 3, "a9993e364706816aba3e25717850c26c9cd0d89d");
    known_digest(two_blocks, 56, "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
    /* RFC 6455, section 1.3 */
    uint8_t digest[21] = {0};
    char base64[29] = {0};
    kernel->sha1(digest, (const uint8_t *)request, 60);
    for (int i = 0; i < 28; i++) {
        const int bit = 6 * i;
        const int pair = digest[bit / 8] << 8 | (bit / 8 < 20 ? digest[bit / 8 + 1] : 0);
        base64[i] = i == 27 ? '=' : alphabet[pair >> (10 - bit % 8) & 63];
    }
    CHECK(strcmp(base64, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") == 0, "%s", base64);
    static const uint8_t million[20] = {0x34, 0xAA, 0x97, 0x3C, 0xD4, 0xC4, 0xDA, 0xA4, 0xF6, 0x1E,
                                        0xEB, 0x2B, 0xDB, 0xAD, 0x27, 0x31, 0x65, 0x34, 0x01, 0x6F};
    static uint8_t many[1000000];
    memset(many, 'a', sizeof many);
    kernel->sha1(digest, many, sizeof many);
    CHECK(memcmp(digest, million, 20) == 0, "a million times a");
    size_t count;
    const wsf_kernel *first = wsf_kernels(&count);
    for (size_t n = 0; n <= 200; n++) {
        uint8_t want[20];
        uint8_t *src = place(in, 1, n);
        fill(src, n);
        first->sha1(want, src, n);
        kernel->sha1(digest, src, n);
        CHECK(memcmp(digest, want, 20) == 0, "n %zu", n);
    }
}

int main(void)
{
    in = make_arena(ROOM);
    out = make_arena(ROOM);
    size_t count;
    const wsf_kernel *kernels = wsf_kernels(&count);
    for (size_t i = 0; i < count; i++) {
        kernel = &kernels[i];
        const unsigned long before = checks;
        test_xor();
        test_scan_sequences();
        test_scan_texts();
        test_transcode();
        test_short();
        test_encode_points();
        test_encode_places();
        test_encode_surrogates();
        test_encode_many();
        test_sha1();
        printf("%s: %lu checks\n", kernel->name, checks - before);
        fflush(stdout);
    }
    test_may_continue();
    printf("ok: %zu kernels, %lu checks\n", count, checks);
    return 0;
}
