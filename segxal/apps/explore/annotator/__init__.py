"""A person relabels superpixels of one image and retrains the network on the answers."""
