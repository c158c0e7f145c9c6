#!/usr/bin/env bash
# Unit and contract tests on every Python from 3.10 that is installed here, each in an
# environment of its own below tests/.environments. Slow the first time: each builds the engine.
set -eu
cd "$(dirname "$0")/.."
# Each build is for its own interpreter, not for the one that make names.
unset PYO3_PYTHON

candidates() {
    for minor in 10 11 12 13 14; do
        command -v "python3.$minor" || true
    done
    # Interpreters that pyenv keeps are on nobody's PATH until chosen.
    ls -d "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.1*/bin/python3 2>/dev/null || true
}

declare -A seen=()
failed=()
while read -r python; do
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || continue
    [ -z "${seen[$version]:-}" ] || continue
    seen[$version]=$python
    echo "=== Python $version ($python)"
    environment=tests/.environments/python-$version
    "$python" -m venv "$environment"
    "$environment/bin/python" -m pip install --quiet --upgrade 'pip>=25.1'
    "$environment/bin/python" -m pip install --quiet --group test .
    # The installed package is tested, not the source tree, which has another version's engine.
    "$environment/bin/python" -m pytest --override-ini pythonpath=. \
        tests/unit tests/contract "$@" || failed+=("$version")
done < <(candidates)

if [ "${#failed[@]}" -gt 0 ]; then
    echo "failed on Python ${failed[*]}"
    exit 1
fi
