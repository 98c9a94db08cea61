"""Breaks the laptop on purpose: named faults, outages of services, and each error of the catalogue."""
