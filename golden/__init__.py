"""The integer reference: NumPy only; hardware and models are held equal to it."""
