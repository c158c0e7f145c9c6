#!/usr/bin/env bash
# Install the missing packages of the given groups of debian-packages.txt, if this user may.
# Without the right to do so it says what is missing and goes on: the tests that need a
# package then say so themselves. Exit status 1 only when an installation was tried and failed.
set -eu

list="$(dirname "$0")/debian-packages.txt"

wanted=()
for group in "$@"; do
    while read -r package; do
        wanted+=("$package")
    done < <(awk -v group="$group" '$1 !~ /^#/ && $2 == group { print $1 }' "$list")
done

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    echo "not a Debian system: please see to it that these are there: ${wanted[*]}"
    exit 0
fi

missing=()
for package in "${wanted[@]}"; do
    state=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$state" = installed ] || missing+=("$package")
done
[ "${#missing[@]}" -gt 0 ] || exit 0

if [ "$(id -u)" = 0 ]; then
    as_root=()
elif command -v sudo >/dev/null && sudo --non-interactive true 2>/dev/null; then
    as_root=(sudo --non-interactive)
else
    echo "missing Debian packages: ${missing[*]}"
    echo "hint: sudo apt-get install ${missing[*]}"
    exit 0
fi

install() {
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install --yes --quiet --no-install-recommends "${missing[@]}"
}

# The package lists of a fresh image are empty or old, then the first try fails.
if ! install 2>/dev/null; then
    "${as_root[@]}" apt-get update --quiet
    install
fi
