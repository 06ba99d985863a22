#!/bin/sh
# The kernel tests on processors that may not be here: NEON, big-endian, x86-64 without AVX or AVX-512.
# What has no compiler or emulator is skipped; with WSFRAME_REQUIRE_QEMU=1 that is an error.
set -eu
cd "$(dirname "$0")/../.."
mkdir -p build/qemu

on() { # COMPILER EMULATOR ARGS...
    cc=$1
    shift
    if ! command -v "$cc" >/dev/null || ! command -v "$1" >/dev/null; then
        echo "$*: skipped, needs $cc and $1"
        [ "${WSFRAME_REQUIRE_QEMU:-0}" = 0 ] || exit 1
        return
    fi
    echo "$*:"
    "$cc" -std=c11 -O2 -g -Wall -Wextra -Werror -static -Iext/kernels \
        tests/kernels/test_kernels.c ext/kernels/*.c -o "build/qemu/$cc"
    "$@" "build/qemu/$cc"
}

on aarch64-linux-gnu-gcc qemu-aarch64
on s390x-linux-gnu-gcc qemu-s390x
on x86_64-linux-gnu-gcc qemu-x86_64 -cpu qemu64
on x86_64-linux-gnu-gcc qemu-x86_64 -cpu Haswell
