/* Which pairs of bytes cannot stand in UTF-8, as three lookups by nibble (Keiser and Lemire,
 * "Validating UTF-8 In Less Than One Instruction Per Byte", 2021): a fault is there if all three
 * lookups name it. */
#ifndef WSF_UTF8_NIBBLES_H
#define WSF_UTF8_NIBBLES_H

#include <stdint.h>

enum {
    SHORT = 0x01,  /* a lead byte, then no continuation */
    LONG = 0x02,   /* ASCII, then a continuation */
    OVER2 = 0x04,  /* C0 or C1 */
    OVER3 = 0x08,  /* E0, then 80 to 9F */
    SURR = 0x10,   /* ED, then A0 to BF: a surrogate */
    LARGE = 0x20,  /* F4 or more, then 90 to BF: beyond U+10FFFF */
    OVER4 = 0x40,  /* F0, then 80 to 8F; and F5 or more, then 80 to 8F */
    CONT2 = 0x80,  /* two continuations: right for the third and fourth byte of a code point */
    ALWAYS = SHORT | LONG | CONT2 /* these do not depend on the lower half of the first byte */
};

/* by the upper half of the first byte */
static const uint8_t wsf_first_upper[16] = {
    LONG, LONG, LONG, LONG, LONG, LONG, LONG, LONG, CONT2, CONT2, CONT2, CONT2,
    SHORT | OVER2, SHORT, SHORT | OVER3 | SURR, SHORT | LARGE | OVER4,
};

/* by the lower half of the first byte */
static const uint8_t wsf_first_lower[16] = {
    ALWAYS | OVER2 | OVER3 | OVER4, ALWAYS | OVER2, ALWAYS, ALWAYS, ALWAYS | LARGE,
    ALWAYS | LARGE | OVER4, ALWAYS | LARGE | OVER4, ALWAYS | LARGE | OVER4, ALWAYS | LARGE | OVER4,
    ALWAYS | LARGE | OVER4, ALWAYS | LARGE | OVER4, ALWAYS | LARGE | OVER4, ALWAYS | LARGE | OVER4,
    ALWAYS | LARGE | OVER4 | SURR, ALWAYS | LARGE | OVER4, ALWAYS | LARGE | OVER4,
};

/* by the upper half of the second byte */
static const uint8_t wsf_second_upper[16] = {
    SHORT, SHORT, SHORT, SHORT, SHORT, SHORT, SHORT, SHORT,
    LONG | CONT2 | OVER2 | OVER3 | OVER4, LONG | CONT2 | OVER2 | OVER3 | LARGE,
    LONG | CONT2 | OVER2 | SURR | LARGE, LONG | CONT2 | OVER2 | SURR | LARGE,
    SHORT, SHORT, SHORT, SHORT,
};

#endif
