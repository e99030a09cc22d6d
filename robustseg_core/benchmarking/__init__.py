"""How fast the network is, beside others and alone."""
