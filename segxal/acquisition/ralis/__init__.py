"""RALIS (Casanova et al., ICLR 2020): a deep Q-network that chooses regions."""
