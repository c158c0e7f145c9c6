#!/usr/bin/env bash
# Print the first Python (3.10 or newer, able to make a virtual environment) of this machine,
# or the one that the variable PYTHON names, when it is such a Python.
set -eu

# A Python that was asked for is the one, or none.
for name in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11 python3.10}; do
    command -v "$name" >/dev/null || continue
    if "$name" -c 'import sys, venv; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
        # Debian splits ensurepip off into python3-venv.
        "$name" -c 'import ensurepip' 2>/dev/null \
            || "$(dirname "$0")/install_debian_packages.sh" python >&2
        if "$name" -c 'import ensurepip' 2>/dev/null; then
            command -v "$name"
            exit 0
        fi
        echo "$name cannot make virtual environments (no ensurepip)" >&2
    fi
done

echo "no Python 3.10 or newer with venv found" >&2
echo "hint: install one (Debian: python3 and python3-venv) or name it: make PYTHON=/path/to/python3" >&2
exit 1
