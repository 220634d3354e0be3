"""Deliveries: fetch -> immutable snapshot by content hash -> all-text staging with line numbers."""
