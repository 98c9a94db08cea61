"""One module per command. Each collects one JSON document and knows how to show it to a person."""
