#!/usr/bin/env bash
# A virtual screen with a window manager, and a program on it: desktop.sh COMMAND...
# The screen's name goes to the file "display" beside this script.
set -eu
here=$(dirname "$0")
exec 3>"$here/display.part"
Xvfb -displayfd 3 -screen 0 1400x900x24 -nolisten tcp >/dev/null 2>&1 &
for _ in $(seq 6000); do
    [ -s "$here/display.part" ] && break
    sleep 0.02
done
DISPLAY=:$(cat "$here/display.part")
export DISPLAY
mv "$here/display.part" "$here/display"
exec dbus-run-session -- sh -c 'openbox & exec "$@"' sh "$@"
