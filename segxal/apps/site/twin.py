"""The error mask under sliders on the start page: a piece of HTML that the explorer makes, no kernel needed."""

from segxal.apps.explore.maps import Setting, Subject
from segxal.apps.explore.sources import only
from segxal.apps.explore.twin import twin
from segxal.apps.site.sources import Sources
from segxal.apps.workshop.checkpoints import load_images
from segxal.apps.workshop.seen import learner_of
from segxal.core.labels import VOID
from segxal.study.settings import LoopConfig

NETWORK = "trained"  # comes with the package: every checkout shows the same twin, whatever runs are on its disk
IMAGES = 8  # validation streets of the workshop, unseen by the network; the one with the most classes is shown


def write_twin(sources: Sources) -> None:
    """Write the piece that the start page includes: the explorer's frames of one street, seen by a workshop's network.

    Raises:
        WeightsMissing: if the package came without the network's weights.
    """
    learner = learner_of(NETWORK, depth="dataset")
    frames = load_images("val", IMAGES)
    kinds = [len(labels[labels != VOID].unique()) for labels in frames.labels]
    one = only(frames, kinds.index(max(kinds)))
    subject = Subject(f"streets val {one.ids[0]}", one, NETWORK, learner)
    piece = twin(subject, LoopConfig().overlap, Setting(learner.mask))
    sources.write("pieces/twin.md", f"````{{raw}} html\n{piece}\n````\n")
