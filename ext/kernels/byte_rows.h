/* Vectors of 32 times the same byte.  They are in a file of their own: those that the compiler sees, it makes
 * with three instructions each. */
#ifndef WSF_BYTE_ROWS_H
#define WSF_BYTE_ROWS_H

#include <stdint.h>

extern const uint8_t wsf_byte_rows[256][32];

#endif
