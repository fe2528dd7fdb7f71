#!/usr/bin/env bash
# Every value of the theory on the embedded model, 99 random draws each, on ValueInsight small.
set -euo pipefail
cd "$(dirname "$0")/../.."
python=${PYTHON:-.venv/bin/python}
"$python" run.py -m experiment=full study=embedded dataset=small \
  collect.generation.max_new_tokens=64 track=none \
  value=openness,self_enhancement,conservation,self_transcendence "$@"
"$python" experiments/embedded_study/table.py outputs/embedded | tee experiments/embedded_study/results.md
