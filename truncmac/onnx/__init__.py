"""ONNX files in and out: graphs become networks, networks become QONNX.

Other doors for networks are in `golden` (arrays, safetensors) and `model` (PyTorch).
"""
