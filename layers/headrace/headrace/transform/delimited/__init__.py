"""CSV and its kin: delimited and fixed-width records."""
