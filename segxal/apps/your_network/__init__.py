"""A network of your own, of any package, in one line: ``segxal.explain`` and ``segxal.rank``.

=======  ============================================================================
images   images in any form: tensor, array, Pillow picture, path, or a list of them
classes  what the network distinguishes, where nobody says
wrapped  the network as this package wants it, with the images beside it
explain  the explainable error mask and its parts, as arrays
rank     images, regions or pixels in the order in which a strategy asks for them
=======  ============================================================================
"""
