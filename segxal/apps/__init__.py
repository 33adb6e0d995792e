"""What a person uses: explorers, real annotation, the workshop, the site, the command line.

============  ==============================================================================
explore       move a slider in a notebook and see what the method does
your_network  have the mask of a network of your own, and what to annotate first, in one line
annotate      let real people annotate what a cycle asks for, in Label Studio
workshop      learn the method in five notebooks with exercises
site          read everything the repository says as linked pages
cli           type ``segxal`` in a terminal
doctor        see whether this machine has what a study needs
============  ==============================================================================
"""
