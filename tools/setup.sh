#!/bin/sh
# Make the virtual environment that the Makefile's verbs use, from requirements.lock; or a smaller
# one, of a dependency group of pyproject.toml alone: sh tools/setup.sh VENV [GROUP]
# Needs a Python from 3.11 to 3.13 with its venv module, and a package index, or in WHEELS a folder
# with what one would have (`make wheels`); nothing else.
set -eu
venv=$1
group=${2:-}
if [ -n "${WHEELS:-}" ]; then
    export PIP_NO_INDEX=1 PIP_FIND_LINKS="$WHEELS" UV_NO_INDEX=1 UV_FIND_LINKS="$WHEELS"
fi

fits() {
    "$1" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' >/dev/null 2>&1
}

python=
for candidate in ${PYTHON:-} python3 python3.13 python3.12 python3.11 python; do
    if fits "$candidate"; then python=$candidate && break; fi
done
if [ -z "$python" ]; then
    echo "rnnzoo needs Python 3.11, 3.12 or 3.13 with its venv module, and none was found." >&2
    echo "  fix: install one (Debian and Ubuntu: apt install python3 python3-venv), or name it: PYTHON=/path/to/python make ..." >&2
    exit 1
fi

size="about 4 GB; a minute, or 3 on a busy machine"
if [ -n "$group" ]; then size="what $group need; some seconds"; fi
echo "Setting up $venv with $("$python" --version), once: $size."
rm -f "$venv/.ready"
# An environment of another Python, or one that was left half made, is made anew.
if ! fits "$venv/bin/python"; then rm -rf "$venv"; fi
echo "  making the environment"
"$python" -m venv "$venv"

# The installer itself comes out of the lock too, hashes included; then it installs the rest.
echo "  downloading the installer"
lock=$venv/installer.txt
awk '/^uv==/ { found = 1 } found { print } found && !/\\$/ { exit }' requirements.lock > "$lock"
if ! "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r "$lock" 2> "$venv/setup.log"; then
    cat "$venv/setup.log" >&2
    echo "rnnzoo could not download its installer.  Is there a network?" >&2
    echo "  fix: without one, WHEELS=FOLDER make setup, after \`make wheels\` elsewhere: docs/installing.md" >&2
    exit 1
fi
uv() {
    verbs="$1 $2"
    shift 2
    # shellcheck disable=SC2086  # two words
    "$venv/bin/uv" $verbs --quiet --python "$venv/bin/python" "$@"
}

# While the installer is silent, tell now and then how far it is.  The teller is what runs in the
# background, so that Ctrl-C reaches the installer.  Files come and go while they are counted.
(while sleep 15 >/dev/null 2>&1; do echo "  $(du -sh "$venv" 2>/dev/null | cut -f 1) so far"; done) &
teller=$!
trap 'kill "$teller" 2>/dev/null || :' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
if [ -z "$group" ]; then
    # Byte code once, instead of at every first import: after a fresh set-up this would be most of the first wait.
    echo "  installing what requirements.lock names: TensorFlow is most of it"
    uv pip sync --compile-bytecode --require-hashes requirements.lock
else
    echo "  installing what $group need, in the versions of requirements.lock"
    uv pip install --require-hashes --constraint requirements.lock --group "$group" --group editable
fi
uv pip install --no-deps --no-build-isolation --editable .
# The installer is larger than all that cells need.
if [ -n "$group" ]; then uv pip uninstall uv; fi
touch "$venv/.ready"
echo "Done.  In this shell, . $venv/bin/activate makes rnnzoo a command."
if [ -z "$group" ]; then
    echo "rnnzoo demo shows a finished report, docs/first-sweep.md leads through a first sweep."
else
    echo "docs/installing.md says which commands it has."
fi
