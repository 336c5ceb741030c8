"""Networks as ONNX graphs: `qonnx` says what a network becomes, `graph` collects its nodes.

Reading ONNX files is done by the folder above.
"""
