"""One module per command. Each collects one JSON document and can render it as text."""
