#!/usr/bin/env bash
# Real PyTorch against the kernel's figures, and the exploration's models of it, in an environment of its own: it is
# large, and no dependency of Gramwatt.
# TORCH says what pip is to install (the CPU build has +cpu in its version and comes from PyTorch's own index, which pip
# knows by PIP_EXTRA_INDEX_URL); TORCH_PYTHON names an interpreter that has it already. Arguments go to pytest.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/.tools/bin:$PWD/.venv/bin:$PATH"

if [ -z "${TORCH_PYTHON:-}" ] && ! .torch/bin/python -c 'import torch' 2>/dev/null; then
    echo "installing ${TORCH:-torch} into .torch"
    python3 -m venv .torch
    .torch/bin/pip install --quiet "${TORCH:-torch}" numpy
fi
if [ -z "${TORCH_PYTHON:-}" ] && ! .torch/bin/python -c 'import mlxtend, sklearn, transformers' 2>/dev/null; then
    echo "installing what examples/explore uses beside it"
    .torch/bin/pip install --quiet scikit-learn mlxtend transformers
fi

exec pytest tests/integration/truth/test_torch.py tests/integration/examples/test_explore_torch.py "$@"
