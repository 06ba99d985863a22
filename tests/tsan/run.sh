#!/bin/sh
# The tests with threads, under the thread sanitizer: tests/tsan/run.sh PYTHON [ARGUMENT OF PYTEST ...]
# PYTHON is a free-threaded CPython that was made with it, such as tests/tsan/python.sh builds. Whatever it runs takes
# ten times as long, so the Cython sources have been compiled to C before, by `make`.
set -eu
python=$1
shift
cd "$(dirname "$0")/../.."
if [ ! -x "$python" ]; then
  echo "skipped: no interpreter $python (tests/tsan/python.sh builds one)"
  exit
fi
mkdir -p build/tsan
export TSAN_OPTIONS=report_bugs=0 # while nothing is tested
venv=build/tsan/venv
if [ ! -x $venv/bin/pytest ]; then
  "$python" -m venv $venv
  $venv/bin/python -m pip install -q pytest pytest-timeout httptools 'hypothesis<6.156'
fi

about=$("$python" -c "import sysconfig as s; print(s.get_path('include'), s.get_config_var('EXT_SUFFIX'), s.get_config_var('CC'))")
set -- "$about" "$@"
include=${1%% *} about=${1#* }
suffix=${about%% *} compiler=${about#* }
shift
rm -rf build/tsan/lib
mkdir -p build/tsan/lib
cp -R src/wsframe build/tsan/lib/
rm -f build/tsan/lib/wsframe/_c/*.so
for source in build/cython/ext/wsframe/_c/*.c; do
  name=$(basename "$source" .c)
  kernels=
  [ "$name" = kernel ] && kernels=$(echo ext/kernels/*.c)
  $compiler -shared -fPIC -O1 -g -fsanitize=thread "-I$include" -Iext -Iext/wsframe/_c "$source" $kernels \
    -o "build/tsan/lib/wsframe/_c/$name$suffix"
done

# What CPython itself is known for, where its sources lie beside it; and what is known here.
known=$(dirname "$(dirname "$python")")/source/Tools/tsan/suppressions_free_threading.txt
cat $([ -f "$known" ] && echo "$known") tests/tsan/suppressions.txt > build/tsan/suppressions.txt
# One test is left out: its threads race for a buffer on purpose.
export PYTHON_GIL=0
TSAN_OPTIONS="suppressions=$PWD/build/tsan/suppressions.txt exitcode=66"
TSAN_OPTIONS="$TSAN_OPTIONS log_path=$PWD/build/tsan/report" # pytest keeps what goes to stderr
export TSAN_OPTIONS
rm -f build/tsan/report.*
status=0
WSFRAME_REQUIRE_EXTENSIONS=1 PYTHONPATH=$PWD/build/tsan/lib $venv/bin/python -m pytest --timeout 1200 \
  -k "(thread or case_35) and not concurrent_writes" \
  tests/codec/test_safety.py tests/codec/test_encoder_keys.py tests/asyncio/test_sending.py "$@" || status=$?
for report in build/tsan/report.*; do
  [ -f "$report" ] && cat "$report"
done
exit $status
