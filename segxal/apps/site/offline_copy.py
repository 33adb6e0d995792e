"""The error mask under sliders on the start page: a piece of HTML that the explorer makes, no kernel needed."""

from segxal.acquisition.settings import OracleConfig
from segxal.apps.explore.mask.maps import Setting, Subject
from segxal.apps.explore.mask.offline_copy import offline_copy
from segxal.apps.site.sources import Sources
from segxal.apps.workshop.checkpoints import load_images
from segxal.apps.workshop.seen import learner_of
from segxal.core.labels import VOID

NETWORK = "trained"  # comes with the package: every checkout shows the same copy, whatever runs are on its disk
IMAGES = 8  # validation streets of the workshop, unseen by the network; the one with the most classes is shown


def write_offline_copy(sources: Sources) -> None:
    """Write the piece that the start page includes: the explorer's frames of one street, seen by a workshop's network.

    Raises:
        WeightsMissing: if the package was installed without the network's weights.
    """
    learner = learner_of(NETWORK, depth="dataset")
    frames = load_images("val", IMAGES)
    kinds = [len(labels[labels != VOID].unique()) for labels in frames.labels]
    one = frames.select([kinds.index(max(kinds))])
    subject = Subject(f"streets val {one.ids[0]}", one, NETWORK, learner)
    copy = offline_copy(subject, OracleConfig().overlap, Setting(learner.mask))
    sources.write("pieces/offline_copy.md", f"````{{raw}} html\n{copy}\n````\n")
