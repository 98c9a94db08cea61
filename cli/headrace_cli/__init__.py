"""The `headrace` command: the operator's interface, on the laptop and on AWS."""
