"""What is asked, and who answers: strategies, oracles, the pool."""
