"""The one place that picks adapters, capability by capability: a function imports only those of its own.

Each is made when first used, and kept for the function's next invocation.
"""
