"""TruncQuant training in PyTorch, post-training quantisation, and export to the network file.

Inference is integer arithmetic, and lives in `golden`.
"""
