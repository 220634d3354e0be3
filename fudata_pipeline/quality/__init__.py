"""Judges a load: the expectation suite of an item, the gate that promotes or refuses it, and its GB/T 36344 score."""
