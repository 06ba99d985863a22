#!/bin/sh
# The tests with threads, under the thread sanitizer: tests/tsan/run.sh PYTHON [ARGUMENT OF PYTEST ...]
# PYTHON is a free-threaded CPython that was made with it, such as tests/tsan/python.sh builds.
set -eu
python=$1
shift
cd "$(dirname "$0")/../.."
if [ ! -x "$python" ]; then
  echo "skipped: no interpreter $python (tests/tsan/python.sh builds one)"
  exit
fi
# What CPython itself is known for, where its sources lie beside it.
known=$(dirname "$(dirname "$python")")/source/Tools/tsan/suppressions_free_threading.txt
cat $([ -f "$known" ] && echo "$known") tests/tsan/suppressions.txt > build/tsan/suppressions.txt
export TSAN_OPTIONS=report_bugs=0 # while pip is at work
venv=build/tsan/venv
if [ ! -x $venv/bin/pytest ]; then
  "$python" -m venv $venv
  $venv/bin/python -m pip install -q 'setuptools>=77' 'cython>=3.1' pytest pytest-timeout httptools 'hypothesis<6.156'
fi
WSFRAME_REQUIRE_EXTENSIONS=1 WSFRAME_CFLAGS="-O1 -g -fsanitize=thread" LDFLAGS=-fsanitize=thread \
  $venv/bin/python -m pip install -q --no-build-isolation --no-deps --target build/tsan/lib --upgrade \
  -C--global-option=build -C--global-option=--build-base=build/tsan .
export PYTHON_GIL=0 TSAN_OPTIONS="suppressions=$PWD/build/tsan/suppressions.txt exitcode=66 second_deadlock_stack=1"
PYTHONPATH=$PWD/build/tsan/lib $venv/bin/python -m pytest --timeout 1200 -k "thread or case_35" \
  tests/test_cases_safety.py tests/test_cases_keys.py tests/test_package.py tests/asyncio/test_sending.py "$@"
