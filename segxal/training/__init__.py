"""How a network learns and what it predicts."""
