"""The network: one shared encoder, mean fusion, an all-MLP head, and its files."""
