"""Files that are made to break readers, and what the transform makes of each: `make hostile`."""
