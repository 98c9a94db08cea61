"""One file as ranges of bytes whose records are exactly those of one pass."""
