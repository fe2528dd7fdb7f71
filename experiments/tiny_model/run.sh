#!/usr/bin/env bash
# Rebuild the embedded model and its card: about half an hour on two cores.
set -euo pipefail
cd "$(dirname "$0")/../.."
export PYTHONPATH=. OMP_WAIT_POLICY=PASSIVE
python=${PYTHON:-.venv/bin/python}
"$python" experiments/tiny_model/train.py --output valuelocate/model/tiny "$@"
"$python" experiments/tiny_model/card.py --model valuelocate/model/tiny
