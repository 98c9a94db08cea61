"""The `headrace` command: what an operator does with a Headrace, on the laptop and on AWS alike."""
