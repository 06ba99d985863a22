/* Which bytes the UTF-8 of a group of units consists of, in order, when each unit has been spread over
 * a lane of its own, last byte first.  For little-endian machines. */
#ifndef WSF_UTF8_PICK_H
#define WSF_UTF8_PICK_H

#include <stdint.h>

/* An entry is 16 places in two words, L and H.  From the last unit to the first, the bytes of a lane at
 * place p are put in front of those that are there. */
#define ONE_L(l, p) (l) << 8 | (p)
#define TWO_L(l, p) (l) << 16 | ((p) << 8 | ((p) + 1))
#define THREE_L(l, p) (l) << 24 | ((p) << 16 | ((p) + 1) << 8 | ((p) + 2))
#define FOUR_L(l, p) (l) << 32 | (UINT64_C(p) << 24 | ((p) + 1) << 16 | ((p) + 2) << 8 | ((p) + 3))
#define ONE_H(l, h) (h) << 8 | (l) >> 56
#define TWO_H(l, h) (h) << 16 | (l) >> 48
#define THREE_H(l, h) (h) << 24 | (l) >> 40
#define FOUR_H(l, h) (h) << 32 | (l) >> 32

/* 8 lanes of 2 bytes; bit j of the index: unit j has two bytes. */
#define PAIR0(l, h) {ONE_L(l, 0), ONE_H(l, h)}, {TWO_L(l, 0), TWO_H(l, h)}
#define PAIR1(l, h) PAIR0(ONE_L(l, 2), ONE_H(l, h)), PAIR0(TWO_L(l, 2), TWO_H(l, h))
#define PAIR2(l, h) PAIR1(ONE_L(l, 4), ONE_H(l, h)), PAIR1(TWO_L(l, 4), TWO_H(l, h))
#define PAIR3(l, h) PAIR2(ONE_L(l, 6), ONE_H(l, h)), PAIR2(TWO_L(l, 6), TWO_H(l, h))
#define PAIR4(l, h) PAIR3(ONE_L(l, 8), ONE_H(l, h)), PAIR3(TWO_L(l, 8), TWO_H(l, h))
#define PAIR5(l, h) PAIR4(ONE_L(l, 10), ONE_H(l, h)), PAIR4(TWO_L(l, 10), TWO_H(l, h))
#define PAIR6(l, h) PAIR5(ONE_L(l, 12), ONE_H(l, h)), PAIR5(TWO_L(l, 12), TWO_H(l, h))
#define PAIR7(l, h) PAIR6(ONE_L(l, 14), ONE_H(l, h)), PAIR6(TWO_L(l, 14), TWO_H(l, h))

static const uint64_t wsf_pick_pairs[256][2] = {PAIR7(UINT64_C(0), UINT64_C(0))};

/* 4 lanes of 4 bytes; bits 2j and 2j + 1 of the index: bytes of unit j, less one. */
#define QUAD0(l, h) \
    {ONE_L(l, 0), ONE_H(l, h)}, {TWO_L(l, 0), TWO_H(l, h)}, \
        {THREE_L(l, 0), THREE_H(l, h)}, {FOUR_L(l, 0), FOUR_H(l, h)}
#define QUAD1(l, h)                                                                \
    QUAD0(ONE_L(l, 4), ONE_H(l, h)), QUAD0(TWO_L(l, 4), TWO_H(l, h)),              \
        QUAD0(THREE_L(l, 4), THREE_H(l, h)), QUAD0(FOUR_L(l, 4), FOUR_H(l, h))
#define QUAD2(l, h)                                                                \
    QUAD1(ONE_L(l, 8), ONE_H(l, h)), QUAD1(TWO_L(l, 8), TWO_H(l, h)),              \
        QUAD1(THREE_L(l, 8), THREE_H(l, h)), QUAD1(FOUR_L(l, 8), FOUR_H(l, h))
#define QUAD3(l, h)                                                                \
    QUAD2(ONE_L(l, 12), ONE_H(l, h)), QUAD2(TWO_L(l, 12), TWO_H(l, h)),            \
        QUAD2(THREE_L(l, 12), THREE_H(l, h)), QUAD2(FOUR_L(l, 12), FOUR_H(l, h))

static const uint64_t wsf_pick_quads[256][2] = {QUAD3(UINT64_C(0), UINT64_C(0))};

/* 4 lanes of 4 bytes; bit j of the index: unit j has four bytes, not one. */
#define ASTRAL0(l, h) {ONE_L(l, 0), ONE_H(l, h)}, {FOUR_L(l, 0), FOUR_H(l, h)}
#define ASTRAL1(l, h) ASTRAL0(ONE_L(l, 4), ONE_H(l, h)), ASTRAL0(FOUR_L(l, 4), FOUR_H(l, h))
#define ASTRAL2(l, h) ASTRAL1(ONE_L(l, 8), ONE_H(l, h)), ASTRAL1(FOUR_L(l, 8), FOUR_H(l, h))
#define ASTRAL3(l, h) ASTRAL2(ONE_L(l, 12), ONE_H(l, h)), ASTRAL2(FOUR_L(l, 12), FOUR_H(l, h))

static const uint64_t wsf_pick_astral[16][2] = {ASTRAL3(UINT64_C(0), UINT64_C(0))};

#define SUM1(n) (n) + 1, (n) + 2, (n) + 3, (n) + 4
#define SUM2(n) SUM1((n) + 1), SUM1((n) + 2), SUM1((n) + 3), SUM1((n) + 4)
#define SUM3(n) SUM2((n) + 1), SUM2((n) + 2), SUM2((n) + 3), SUM2((n) + 4)

/* By the same index: bytes of all 4. */
static const uint8_t wsf_quad_sizes[256] = {SUM3(1), SUM3(2), SUM3(3), SUM3(4)};

#endif
