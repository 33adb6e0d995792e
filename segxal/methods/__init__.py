"""Methods by name: a strategy, an oracle and a gate, or no cycle at all."""
