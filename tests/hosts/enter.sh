#!/usr/bin/env bash
# Runs a command inside a root made by make_root.sh: enter.sh ROOT FOLDER[:FOLDER…] COMMAND...
# The folders, absolute, are the same inside and outside; all else in the root stays as it is for the next run.
# Ends, with all that it started, when the caller ends it.
set -euo pipefail
exec unshare --mount --pid --fork --kill-child bash -s "$@" <<'EOF'
set -euo pipefail
root=$1 folders=$2
shift 2
mount --make-rprivate /
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/tmp"
IFS=: read -ra each <<<"$folders"
for folder in "${each[@]}"; do
    mkdir -p "$root$folder"
    mount --rbind "$folder" "$root$folder"
done
exec chroot "$root" "$@" </dev/null
EOF
