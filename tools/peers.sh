#!/bin/sh
# Make the environment of the benchmark's peers, PyTorch and JAX.  They never enter the product's.
# On Linux PyTorch brings several GB for GPUs unless your package index serves its CPU build.
set -eu
venv=$1
echo "Setting up $venv with PyTorch and JAX for the comparison, once."
if ! { python3 -m venv "$venv" && "$venv/bin/python" -m pip install --quiet torch==2.13.0 jax; }; then
    rm -rf "$venv"
    echo "They could not be installed: the benchmark goes on without them." >&2
fi
