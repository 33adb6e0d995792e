"""A person spends clicks against chance, entropy and SegXAL; real training keeps the score."""
