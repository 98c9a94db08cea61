"""The third tier: checks of totals, what is usual, and the verdict."""
