"""A person annotates in Label Studio what a cycle asks for: the query as a project, and the answers read back."""
