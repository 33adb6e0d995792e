"""The notebooks that compute a study's stages: which ones exist, with which parameters, and what each waits for."""

from dataclasses import dataclass

from segxal.methods.ablations import POLICY_ABLATIONS
from segxal.study.grid import GATE_ABLATIONS, MASK_ABLATIONS, NOISE_ABLATIONS, run_of, whole_grid
from segxal.study.settings import POLICY_METHOD, Preset
from segxal.study.state import Cycle

PER_STAGE = ("al_cycle",)  # one notebook for each stage; the others show a whole run
# The notebook of an ablation shows all ablations of its kind; initial splits have the last one.
ABLATION_BOOKS = {
    **dict.fromkeys(MASK_ABLATIONS, "ablation_eem"),
    **dict.fromkeys(GATE_ABLATIONS, "ablation_gate"),
    **dict.fromkeys(NOISE_ABLATIONS, "ablation_noise"),
    **dict.fromkeys(POLICY_ABLATIONS, "ablation_policy"),
}
SPLIT_BOOK = "ablation_split"
BOOKS = (
    "al_cycle", "baseline", "supervised", "ralis_policy", "adaptation", *dict.fromkeys(ABLATION_BOOKS.values()),
    SPLIT_BOOK,
)  # fmt: skip


@dataclass(frozen=True)
class Job:
    """One run of a notebook.

    Attributes:
        book: the notebook, without ``.ipynb``.
        name: what tells its runs apart.
        parameters: of the notebook.
        needs: keys of the jobs that have to be done before.
    """

    book: str
    name: str
    parameters: dict[str, str | int]
    needs: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Its name among all jobs, and its place among the executed notebooks."""
        return f"{self.book}/{self.name}"


def jobs_of(preset: Preset) -> dict[str, Job]:
    """Every job of a study by its key."""
    found: dict[str, Job] = {}
    for run in whole_grid(preset):
        ablated = run[-1].ablation != "none"
        before = run_of(preset, run[-1].method, run[-1].seed) if ablated else []  # an ablation is shown beside it
        for cycle in run:
            job = _job(cycle)
            needs = [_job(need).key for need in (*cycle.needs, *(before[-1:] if cycle.number else []))]
            known = found[job.key].needs if job.key in found else ()
            both = tuple(dict.fromkeys((*known, *(key for key in needs if key != job.key))))
            found[job.key] = Job(job.book, job.name, job.parameters, both)
    return found


def _job(cycle: Cycle) -> Job:
    """The notebook that computes a cycle, without what it waits for."""
    seed, ablation = cycle.seed, cycle.ablation
    method = POLICY_METHOD if ablation in POLICY_ABLATIONS else cycle.method  # its notebook trains the policy, too
    if cycle.needs and ablation != "none":
        book = ABLATION_BOOKS.get(ablation, SPLIT_BOOK)
        return Job(book, f"{method}-seed{seed}", {"method": method, "seed": seed})
    book = cycle.how.notebook
    if book in PER_STAGE:
        values: dict[str, str | int] = {"method": method, "ablation": ablation, "seed": seed, "cycle": cycle.number}
        return Job(book, f"{method}-{ablation}-seed{seed}-cycle{cycle.number}", values)
    if book == method.replace("-", "_"):  # a notebook for this method alone
        return Job(book, f"seed{seed}", {"seed": seed})
    return Job(book, f"{method}-seed{seed}", {"method": method, "seed": seed})
