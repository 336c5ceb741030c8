"""Networks in ONNX's own integer operators, which ONNX Runtime and others run as they are."""
