"""A person learns the method: six parts in ``notebooks/workshop``, friendly checks, small shipped networks.

==============  =====================================================================================
answers         what a check says about an answer: blank, not yet, right; never a traceback for a blank
checkpoints     the networks the parts load, and the images they are shown
make_networks   ``python -m segxal.apps.workshop.make_networks`` makes these networks again
part1 .. part6  the checks of each part, and what its cells compute
figures         what the parts draw: rows of pictures, reliability, sweeps, pairs of seeds, false alarms
blanks          ``python -m segxal.apps.workshop.blanks`` makes the exercises from the solutions
slides          ``python -m segxal.apps.workshop.slides`` makes reveal.js slides of the parts
==============  =====================================================================================
"""
