#!/bin/sh
# Prints the path of a Python that can make the environment: 3.11 or newer, with venv and its pip.
# usage: find_python.sh [PYTHON]   with an argument, only that one is looked at.
set -u

check='
import sys
if sys.version_info < (3, 11):
    sys.exit(10)
try:
    import ensurepip, venv
except ImportError:
    sys.exit(11)
print(sys.executable)
'

candidates=${1:-python3 python3.13 python3.12 python3.11 python3.14 python}
found_old= found_bare=
for candidate in $candidates; do
    command -v "$candidate" >/dev/null 2>&1 || continue
    "$candidate" -I -c "$check" 2>/dev/null
    case $? in
        0) exit 0 ;;
        10) found_old=${found_old:-$candidate} ;;
        11) found_bare=${found_bare:-$candidate} ;;
    esac
done

if [ -n "$found_bare" ]; then
    echo "raftlock: $found_bare cannot make an environment, because its venv module is not complete." \
        "On Debian and Ubuntu: apt-get install python3-venv; then run make again." >&2
elif [ -n "$found_old" ]; then
    echo "raftlock: needs Python 3.11 or newer, and $found_old is older:" \
        "$("$found_old" --version 2>&1)." \
        "If there is a newer one, name it: make PYTHON=/path/to/python3.11 ..." >&2
else
    echo "raftlock: found no working Python (looked for: $candidates)." \
        "Install Python 3.11 or newer, or name it: make PYTHON=/path/to/python3.11 ..." >&2
fi
exit 1
