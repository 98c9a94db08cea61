#!/bin/sh
# A browser for the console's tests: the one that is here, else Debian's where apt works as root. Without one they are
# skipped, with a line that says so; HEADRACE_BROWSER=required, as in .ci/run, makes that a failure.
set -u
for name in "${HEADRACE_CHROMIUM:-chromium}" chromium-browser google-chrome google-chrome-stable; do
    command -v "$name" >/dev/null 2>&1 && exit 0
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing Chromium for the console's tests"
    export DEBIAN_FRONTEND=noninteractive
    install() { apt-get install --yes --quiet --no-install-recommends chromium fonts-dejavu-core >/dev/null 2>&1; }
    install || { apt-get update --quiet >/dev/null 2>&1 && install; }
fi
command -v chromium >/dev/null 2>&1 && exit 0
echo "No Chromium here: the console's tests in a browser are skipped. \`apt-get install chromium\` as root brings it." >&2
[ "${HEADRACE_BROWSER:-}" != required ]
