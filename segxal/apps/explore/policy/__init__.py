"""What the policy of RALIS chooses in one step, and why."""
