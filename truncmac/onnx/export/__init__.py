"""Networks as ONNX graphs: `qonnx` says what a network becomes, `graph` collects its nodes.

`plain` writes them in ONNX's own operators. Reading ONNX files is done by the folder above.
"""
