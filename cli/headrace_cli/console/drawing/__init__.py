"""Figures drawn as SVG on the server: no script, no library in the browser."""
