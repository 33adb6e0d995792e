"""A person compares what strategies ask for on the same images at the same price."""
