"""What `truncmac train` does: one run, a study of training schemes, or trials of recipes.

Training itself is in `model`.
"""
