"""The AWS emulator, patched and limited to behave as AWS does."""
