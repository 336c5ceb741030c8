"""Ways to let short tiles leave the array sooner: their area and the cycles of a network."""
