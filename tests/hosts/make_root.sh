#!/usr/bin/env bash
# Makes a Debian root (2 GB) that holds the real GIMP and Krita, and prints its path: tests/hosts/make_root.sh [RELEASE]
# RELEASE is Debian's: trixie (the default; GIMP 3.0 and Krita 5.2) or forky (GIMP 3.2 and Krita 5.3).
# With --find first it makes none. Kept between runs, under a name that follows from the release and this file's content.
# Needs Linux, root's rights and debootstrap; exits with 77 where there is no root and none can be made.
set -euo pipefail
here=$(readlink -f "$0")
cache=${DEEPBLEND_HOSTS:-${XDG_CACHE_HOME:-$HOME/.cache}/deepblend-hosts}
find=
if [ "${1-}" = --find ]; then
    find=yes
    shift
fi
release=${1:-trixie}
case $release in
    trixie | forky) ;;
    *)
        echo "There is no recipe for Debian's '$release': trixie or forky." >&2
        exit 2
        ;;
esac
root=$cache/$release-$(sha256sum "$here" | cut -c 1-16)

if [ "$find" ] && [ -e "$root.lock" ]; then
    flock "$root.lock" true # it may just be being made
fi
if [ "$(id -u)" = 0 ] && [ -e "$root/made" ]; then
    echo "$root"
    exit
fi
if [ "$find" ]; then
    echo "To test with GIMP and Krita, make a root for them, as root: tests/hosts/make_root.sh $release" >&2
    exit 77
fi
if [ "$(uname)" != Linux ] || [ "$(id -u)" != 0 ]; then
    echo "A root with GIMP and Krita is made on Linux, as root." >&2
    exit 77
fi
command -v debootstrap >/dev/null || { apt-get update && apt-get install -y debootstrap; } >&2 || exit 77

mkdir -p "$cache"
exec 9>"$root.lock"
flock 9 # two test runs at once make one root
if [ ! -e "$root/made" ]; then
    part=$root.part
    rm -rf --one-file-system "$part"
    # An empty mirror is debootstrap's own; an older debootstrap knows no newer release by name, and all are made as sid.
    debootstrap --variant=minbase --include=ca-certificates "$release" "$part" "" sid >&2
    cp /etc/resolv.conf /etc/hosts "$part/etc/"
    # /proc and /dev are mounted in a namespace of its own alone: removing a root must never remove the host's.
    unshare --mount --pid --fork bash -s "$part" >&2 <<'EOF'
set -euo pipefail
mount --make-rprivate /
mount -t proc proc "$1/proc"
mount --rbind /dev "$1/dev"
chroot "$1" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 sh -c '
    apt-get update
    apt-get install -y --no-install-recommends gimp krita python3-pyqt5 python3-gi xvfb xauth xdotool imagemagick \
        dbus-x11 openbox adwaita-icon-theme fonts-dejavu-core
    apt-get clean'
EOF
    touch "$part/made"
    mv "$part" "$root"
fi
echo "$root"
