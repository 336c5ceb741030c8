"""ONNX files in and out: graphs become networks, networks become QONNX or plain ONNX.

`importing` reads a graph node by node. Each family of operations is a file of functions that carry
`@handles("Conv")` or the like; a new family is a new file, which `importing` names. Other doors
for networks are in `golden` (arrays, safetensors) and `model` (PyTorch).
"""
