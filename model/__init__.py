"""TruncQuant training in PyTorch and export to the network file."""
