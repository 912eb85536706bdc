#!/bin/sh
# Check the wheel in dist/ as a user gets it: in an environment of its own, with the newest versions
# of what it needs, in a folder without a checkout.  Takes some minutes, and 4 GB that are
# given back.
set -eu
uv=$PWD/.venv/bin/uv
set -- dist/*.whl
if [ $# -ne 1 ] || [ ! -f "$1" ]; then
    echo "There must be one wheel in dist/.  fix: make build" >&2
    exit 1
fi
wheel=$PWD/$1
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT

echo "1. its files are those that git knows"
git ls-files rnnzoo | LC_ALL=C sort > "$place/known"
python3 -m zipfile -l "$wheel" | awk '/^rnnzoo\// { print $1 }' | LC_ALL=C sort > "$place/held"
diff "$place/known" "$place/held"

echo "2. it installs beside nothing"
"$uv" venv --quiet --python "$PWD/.venv/bin/python" "$place/venv"
"$uv" pip install --quiet --python "$place/venv/bin/python" "$wheel"
"$uv" pip check --quiet --python "$place/venv/bin/python"

echo "3. what it says, lists, draws and sweeps, in an empty folder"
mkdir "$place/empty" "$place/cache"
cp experiments/first.yaml "$place/empty"
cd "$place/empty"
unset PYTHONPATH
export XDG_CACHE_HOME="$place/cache"
rnnzoo=$place/venv/bin/rnnzoo
"$rnnzoo" --version
"$rnnzoo" list cells > /dev/null
"$rnnzoo" list tasks > /dev/null
"$rnnzoo" show lstm --svg lstm.svg > /dev/null
"$rnnzoo" gallery > /dev/null
"$rnnzoo" check first.yaml
"$rnnzoo" sweep first.yaml --trials 2
test -s runs/first/report/report.html
echo "The wheel works: $wheel"
