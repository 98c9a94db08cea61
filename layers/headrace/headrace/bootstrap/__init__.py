"""The one place that picks adapters, capability by capability: a function imports only its capability's.

Each is made when first used, and kept for the function's next invocation.
"""
