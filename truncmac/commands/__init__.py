"""What each command does, from checked options to what is printed; a module of the command's name.

Reading options is the work of `cli`; computing is the work of `sim`, `golden` and `model`.
"""
