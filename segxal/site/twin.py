"""The error mask under a slider on the start page: a fragment of HTML made by the explorer, if it is there."""

from segxal.site.sources import Sources

PIECE = "readme/twin.md"


def write_twin(sources: Sources) -> None:
    """Write the fragment that the start page includes."""
    sources.write(PIECE, "*(comes with the explorer)*\n")
