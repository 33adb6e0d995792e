"""The explorer without a kernel: precomputed frames of one image and two range inputs, in one piece of HTML.

It needs no other machine. Both inputs are reached by keyboard; the numbers beside them are of this image.
"""

import base64
import html
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from segxal.apps.explore import page, picture
from segxal.apps.explore.mask import panels, sources, words
from segxal.apps.explore.mask.maps import MapStore, Setting, Subject
from segxal.apps.explore.mask.reading import asked_for, error_mask, read
from segxal.core.errors import DataMissing
from segxal.data.splits import open_splits
from segxal.methods import names_of
from segxal.results.figures.base import HEAT
from segxal.results.figures.view import first_query
from segxal.results.learner import learner_that_asked
from segxal.storage.paths import RUNS
from segxal.study.grid import run_of
from segxal.study.settings import Preset
from segxal.study.state import Cycle

SHARES = tuple(k / 10 for k in range(11))  # of entropy in the mask
AREAS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5)
METHOD = "segxal-human"  # preferred

SCRIPT = """
(() => {
  const root = document.getElementById(%(name)s), data = %(data)s;
  const find = (role) => root.querySelector(`[data-role="${role}"]`);
  const png = (text) => `data:image/png;base64,${text}`;
  const draw = () => {
    const share = +find("share").value, area = +find("area").value, frame = data.frames[share][area];
    find("eem").src = png(data.eem[share]);
    find("outline").src = png(frame.outline);
    find("eem").style.opacity = find("opacity").value;
    for (const role of ["share", "area"]) {
      const words = data.words[role][+find(role).value];
      find(role).setAttribute("aria-valuetext", words);
      find(`${role}-text`).textContent = words;
    }
    find("numbers").textContent = frame.numbers;
  };
  for (const role of ["share", "area", "opacity"]) find(role).addEventListener("input", draw);
  draw();
})();
"""
STYLE = """<style>
.segxal-offline { max-width: 660px; font: 14px/1.5 system-ui, sans-serif; margin: 1rem 0 }
.segxal-offline .stack { position: relative; line-height: 0 }
.segxal-offline .stack img { width: 100%; image-rendering: pixelated; margin: 0 }
.segxal-offline .stack img + img { position: absolute; left: 0; top: 0; height: 100% }
.segxal-offline label { display: grid; grid-template-columns: 13em 1fr 11em; gap: .8em; align-items: center }
.segxal-offline input { width: 100% } .segxal-offline output { min-height: 3em; display: block }
@media (max-width: 480px) { .segxal-offline label { grid-template-columns: 1fr } }
</style>"""


def frames_of(subject: Subject, overlap: float, setting: Setting) -> dict[str, Any]:
    """Every frame of the copy.

    Args:
        subject: image and network.
        overlap: of the simulated human, see :class:`segxal.acquisition.oracles.human.HumanOracle`.
        setting: of the study; its weights and area are replaced by ``SHARES`` and ``AREAS``.

    Returns:
        ``image`` (PNG), ``eem`` (a PNG per share) and ``frames`` (per share and area ``outline``, a transparent PNG,
        and ``numbers``, a sentence); PNGs as base64.
    """
    maps, truth = MapStore().maps(subject, setting), panels.truth_of(subject.frames)
    masks, frames = [], []
    for share in SHARES:
        row = []
        for area in AREAS:
            here = with_share(setting, share, area)
            asked = asked_for(error_mask(maps, here), here)
            drawn = picture.outline_png(asked, picture.factor_for(asked.shape, panels.WIDTH))
            row.append({"outline": _text(drawn), "numbers": words.sentence(read(maps, here, truth, overlap, ("eem",)))})
        masks.append(_text(picture.heat_png(error_mask(maps, with_share(setting, share, AREAS[0])))))
        frames.append(row)
    return {"image": _text(picture.png(panels.image_of(subject.frames))), "eem": masks, "frames": frames}


def with_share(setting: Setting, share: float, area: float) -> Setting:
    """A setting with ``share`` of entropy in the mask, the rest PAE, that asks for ``area`` of the image."""
    mask = replace(setting.mask, w_ebu=share, w_pae=round(1 - share, 4), area=area, fusion="fixed")
    return replace(setting, mask=mask, level=None)


def offline_copy(subject: Subject, overlap: float, setting: Setting, name: str = "segxal-offline") -> str:
    """One image's explorer as HTML to be put into any page.

    Args:
        subject: image and network.
        overlap: of the simulated human.
        setting: of the study.
        name: id of the piece, unique in the page.

    Returns:
        The HTML; the first picture is seen without JavaScript too.
    """
    data = frames_of(subject, overlap, setting)
    share = int(np.argmin([abs(s - setting.mask.w_ebu / (setting.mask.w_ebu + setting.mask.w_pae)) for s in SHARES]))
    area = int(np.argmin([abs(a - setting.mask.area) for a in AREAS]))
    data["words"] = {
        "share": [f"{100 * s:.0f} % entropy, {100 * (1 - s):.0f} % PAE" for s in SHARES],
        "area": [f"{100 * a:.0f} % of the image" for a in AREAS],
    }
    image, first = data.pop("image"), data["frames"][share][area]
    script = SCRIPT % {"name": json.dumps(name), "data": json.dumps(data)}
    inputs = "".join(
        f'<label><span>{text}</span><input type="range" data-role="{role}" min="0" max="{top}" step="{step}" '
        f'value="{value}"><span data-role="{role}-text"></span></label>'
        for role, text, top, step, value in (
            ("share", "weights of the mask", len(SHARES) - 1, 1, share),
            ("area", "share asked for", len(AREAS) - 1, 1, area),
            ("opacity", "opacity of the mask", 1, 0.1, 0.5),
        )
    )
    source = "data:image/png;base64,"
    alt = f"image {html.escape(subject.frames.ids[0])} with its error mask and what would be asked for"
    return (
        f'{STYLE}{page.STYLE}<div class="segxal-offline" id="{html.escape(name)}"><div class="stack">'
        f'<img data-role="image" alt="{alt}" src="{source}{image}">'
        f'<img data-role="eem" alt="" style="opacity: .5" src="{source}{data["eem"][share]}">'
        f'<img data-role="outline" alt="" src="{source}{first["outline"]}"></div>'
        f"{page.colour_bar('EEM, 0 to 1', ('0', '0.5', '1'), HEAT)}{inputs}"
        f'<output data-role="numbers">{html.escape(first["numbers"])}</output></div><script>{script}</script>'
    )


def study_copy(preset: Preset, runs: Path = RUNS, data_root: str = "") -> str:
    """The copy for a study: the image that its first SegXAL run put first in its last cycle, seen by who asked.

    Args:
        preset: the study, with the seeds and methods that are recorded, see :func:`segxal.study.records.as_recorded`.
        runs: folder that holds the studies.
        data_root: folder that holds the data sets.

    Returns:
        HTML; a sentence that says why there is none where the weights (they are not in git) or the data are missing.
    """
    methods = sorted(
        (name for name in preset.methods if name in names_of("segxal")), key=lambda method: method != METHOD
    )
    tried = (_finished(preset, method, seed, runs) for method in methods for seed in preset.seeds)
    done = next(filter(None, tried), [])
    if not done:
        return "<p>The interactive error mask needs the networks of a SegXAL run, which are not here.</p>"
    try:
        splits = open_splits(done[-1].settings.data, data_root, done[-1].study / "cache")
    except DataMissing as error:
        return f"<p>The interactive error mask needs the images: {html.escape(str(error))}</p>"
    learner = learner_that_asked(done[-1])
    index = splits.train.position(first_query(done[-1]))
    subject = sources.subject_of("train", splits.train.select([index]), "asked", learner)
    return offline_copy(subject, done[-1].settings.oracle.overlap, Setting(learner.mask))


def _finished(preset: Preset, method: str, seed: int, runs: Path) -> list[Cycle]:
    """The cycles of a run that asked something, and whose asking network is on disk."""
    cycles = run_of(preset, method, seed, runs=runs)
    return [c for c in cycles if c.previous and c.previous.is_done() and c.is_recorded() and c.queries()]


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
