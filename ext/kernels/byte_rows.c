#include "byte_rows.h"
#include "target.h"

#ifdef WSF_AVX

#define ROW(b) {b, b, b, b, b, b, b, b, b, b, b, b, b, b, b, b, b, b, b, b, b, b, b, b, b, b, b, b, b, b, b, b}
#define ROWS4(b) ROW(b), ROW(b + 1), ROW(b + 2), ROW(b + 3)
#define ROWS16(b) ROWS4(b), ROWS4(b + 4), ROWS4(b + 8), ROWS4(b + 12)
#define ROWS64(b) ROWS16(b), ROWS16(b + 16), ROWS16(b + 32), ROWS16(b + 48)

const uint8_t wsf_byte_rows[256][32] = {ROWS64(0), ROWS64(64), ROWS64(128), ROWS64(192)};
#endif
