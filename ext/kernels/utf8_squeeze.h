/* For each set of places in a group of 8, marked by the bits of the index: those places in order,
 * a byte each, in front.  Two entries fit one vector: the last one is followed by another. */
#ifndef WSF_UTF8_SQUEEZE_H
#define WSF_UTF8_SQUEEZE_H

#include <stdint.h>

/* From the places 0 to j: `v` without place j, then `v` with it in front. */
#define PLACE0(v) v, (v) << 8 | 0
#define PLACE1(v) PLACE0(v), PLACE0((v) << 8 | 1)
#define PLACE2(v) PLACE1(v), PLACE1((v) << 8 | 2)
#define PLACE3(v) PLACE2(v), PLACE2((v) << 8 | 3)
#define PLACE4(v) PLACE3(v), PLACE3((v) << 8 | 4)
#define PLACE5(v) PLACE4(v), PLACE4((v) << 8 | 5)
#define PLACE6(v) PLACE5(v), PLACE5((v) << 8 | 6)
#define PLACE7(v) PLACE6(v), PLACE6((v) << 8 | 7)

static const uint64_t wsf_squeeze[256 + 1] = {PLACE7(UINT64_C(0)), 0};

#endif
