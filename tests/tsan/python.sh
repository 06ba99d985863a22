#!/bin/sh
# Builds a free-threaded CPython under the thread sanitizer, from Debian's source: tests/tsan/python.sh DIRECTORY
# It takes clang and some minutes; the interpreter is DIRECTORY/bin/python3.
set -eu
VERSION=${VERSION:-3.14.7}
CC=${CC:-clang}
to=$1
[ -x "$to/bin/python3" ] && exit
mkdir -p "$to/source"
if [ ! -f "$to/source/configure" ]; then
  # Debian's pool keeps the newest version alone, python.org keeps all.
  for url in "https://deb.debian.org/debian/pool/main/p/python${VERSION%.*}/python${VERSION%.*}_$VERSION.orig.tar.xz" \
    "https://www.python.org/ftp/python/$VERSION/Python-$VERSION.tar.xz"; do
    curl --fail --silent --show-error --location --output "$to/source.tar.xz" "$url" && break
  done
  tar --extract --xz --strip-components=1 --directory "$to/source" --file "$to/source.tar.xz"
fi
cd "$to/source"
./configure --quiet --prefix="$to" CC="$CC" --disable-gil --with-thread-sanitizer --disable-test-modules \
  --with-ensurepip=install OPT="-DNDEBUG -g -O1"
make --quiet --jobs="$(nproc)"
make --quiet install
