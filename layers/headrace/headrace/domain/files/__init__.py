"""What files are called and made of: their formats, their names, the values in their keys."""
