#!/usr/bin/env bash
# Every value of the theory on the embedded model, 99 random draws each: a few minutes on two cores.
set -euo pipefail
cd "$(dirname "$0")/../.."
python=${PYTHON:-.venv/bin/python}
"$python" run.py -m experiment=full study=embedded \
  value=openness,self_enhancement,conservation,self_transcendence track=none "$@"
"$python" experiments/embedded_study/table.py outputs/embedded | tee experiments/embedded_study/results.md
