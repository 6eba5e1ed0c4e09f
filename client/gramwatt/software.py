"""The frameworks that a program has loaded, with their versions, for the label of its window."""

from __future__ import annotations

import sys

TAG = "software"
"""The tag that the exporter publishes as ``gramwatt_window_software_info``."""

# Servers and libraries on top of a framework first: they say more than it.
_FRAMEWORKS = (
    ("vllm", "vLLM"), ("sglang", "SGLang"), ("tensorrt_llm", "TensorRT-LLM"), ("llama_cpp", "llama.cpp"),
    ("onnxruntime", "ONNX Runtime"), ("transformers", "Transformers"), ("diffusers", "Diffusers"),
    ("lightning", "Lightning"), ("pytorch_lightning", "Lightning"), ("keras", "Keras"), ("torch", "PyTorch"),
    ("tensorflow", "TensorFlow"), ("jax", "JAX"), ("mxnet", "MXNet"), ("paddle", "Paddle"), ("sklearn", "scikit-learn"),
    ("xgboost", "XGBoost"), ("lightgbm", "LightGBM"),
)  # fmt: skip
_MOST = 2
_LONGEST = 32  # of one version: what stands on a label


def loaded() -> str:
    """At most two, such as ``vLLM 0.9.1, PyTorch 2.7.0``; "" for a program that has none of those known here.

    Nothing is imported: only modules that are there are looked at.
    """
    found: list[str] = []
    for module, name in _FRAMEWORKS:
        version = getattr(sys.modules.get(module), "__version__", None)
        if isinstance(version, str) and version.isprintable():
            text = f"{name} {version[:_LONGEST]}"
            if text not in found:
                found.append(text)
    return ", ".join(found[:_MOST])
