"""What the hardware does, observed or predicted, and choosing with that.

Observed: `rtl`, `netlist`, `fpga`. Predicted: `cycles`, `schedule`, `energy`. Choosing: `explore`,
`allocate`. It builds no hardware (that is `hw`) and defines no right answers (that is `golden`).
"""
