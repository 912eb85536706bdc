#!/bin/sh
# Make the virtual environment that the Makefile's verbs use, from requirements.lock.
# Needs a Python from 3.11 to 3.13 with its venv module, and a package index; nothing else.
set -eu
venv=$1

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

echo "Setting up $venv with $("$python" --version): about 4 GB and a minute, once."
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
    exit 1
fi
# Byte code once, instead of at every first import: after a fresh set-up this would be most of the first wait.
echo "  installing what requirements.lock names: TensorFlow is most of it"
"$venv/bin/uv" pip sync --quiet --compile-bytecode --python "$venv/bin/python" --require-hashes requirements.lock
"$venv/bin/uv" pip install --quiet --python "$venv/bin/python" --no-deps --no-build-isolation --editable .
touch "$venv/.ready"
echo "Done.  In this shell, . $venv/bin/activate makes rnnzoo a command."
