#!/usr/bin/env bash
# arm64-root.sh FOLDER: Debian's sqlite3 shell for arm64 and what it links, unpacked and
# not installed, for qemu-aarch64-static -L FOLDER.
set -euo pipefail
root=$1
test -x "$root/usr/bin/sqlite3" && exit
both=(-qq -o APT::Architectures::=amd64 -o APT::Architectures::=arm64 -o APT::Sandbox::User=root)
mkdir -p "$root/debs"
apt-get "${both[@]}" update
packages=(sqlite3 libsqlite3-0 libc6 libreadline8 libtinfo6 zlib1g)
(cd "$root/debs" && apt-get "${both[@]}" download "${packages[@]/%/:arm64}")
for deb in "$root"/debs/*.deb; do dpkg -x "$deb" "$root"; done
rm -r "$root/debs"
