#!/bin/sh
# Find a Python that can run the project and let scripts/setup.py do the rest.
#   setup.sh [PYTHON]
set -eu
cd "$(dirname "$0")/.."

new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }
can_make_environments() { "$1" -c 'import ensurepip, venv' 2>/dev/null; }

asked_for=${1:-}
[ -n "$asked_for" ] || set -- python3.13 python3.12 python3.11 python3 python

found=
for candidate in "$@"; do
    if new_enough "$candidate"; then
        found=$candidate
        can_make_environments "$candidate" && exec "$candidate" scripts/setup.py
    fi
done

if [ -n "$found" ]; then
    echo "$found cannot make virtual environments: its venv module is missing." >&2
    echo "Install it (Debian and Ubuntu: apt install $(basename "$found")-venv) and run make again." >&2
else
    named=${asked_for:-python3}
    echo "Headrace needs Python 3.11 or newer; $named is $("$named" --version 2>/dev/null || echo missing)." >&2
    echo "Install one (python.org, your package manager, pyenv) and run make again, or name it: make PYTHON=/path/to/python3.13" >&2
fi
exit 1
