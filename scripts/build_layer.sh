#!/bin/sh
# Build a layer with the Python that has the compiler: HEADRACE_PYTHON, else the project's environment, else python3.
#   build_layer.sh LAYER ARTIFACTS_FOLDER
set -eu
here=$(dirname "$0")
python=${HEADRACE_PYTHON:-$here/../.venv/bin/python}
[ -x "$python" ] || python=python3
exec "$python" "$here/build_layer.py" "$@"
