"""The emulator of AWS, mended and limited as AWS is."""
