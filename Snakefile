# The study as a graph of notebooks: method x seed x cycle x ablation. `segxal reproduce` is its face.
# Every wanted file is listed in `rule all`: Snakemake does not remake a lost intermediate otherwise.
# Snakemake takes `{x}` in a path for a wildcard and hands shell lines to bash. So outputs are named from the study's
# folder, where Snakemake works; of files outside it, notebooks and the preset, it knows what they hold in place of where
# they lie; and shell lines have this machine's folders from the environment (segxal.study.reproduce.environment).
import hashlib
import os

from segxal.methods import random_selection
from segxal.storage import paths
from segxal.study.execution import parameters_of
from segxal.study.grid import segxal_methods, select
from segxal.study.jobs import BOOKS, jobs_of
from segxal.study.preset_file import preset_file
from segxal.study.settings import load_preset

SEEDS = [int(seed) for seed in config["seeds"]]  # Snakemake hands numbers over as text
PRESET = select(load_preset(os.environ["SEGXAL_PRESET"]), SEEDS, config["methods"])
EXECUTED = "notebooks"
FIGURES = os.path.relpath(paths.FIGURES / PRESET.name, paths.RUNS / PRESET.name)
SETTINGS = preset_file(os.environ["SEGXAL_PRESET"])
JOBS = jobs_of(PRESET)
PICTURES = ("fig1_pipeline", "fig2_pae", "fig3_annotation", "fig4_cycles", "fig5_oracles", "fig6_gradcam", "fig7_split")
TABLES = ("table1", "table2", "table3")
CHECKS = (
    "data_and_pool", "error_detection", "faithfulness", "ablation_oracle", "comparison", "pseudo_labels",
    "adaptation_table",
)
SHOWN = {  # methods a notebook shows; without them it is left out
    **dict.fromkeys(("fig1_pipeline", "fig2_pae", "fig3_annotation", "fig6_gradcam"), {"segxal-human"}),
    "fig4_cycles": {"segxal-pseudo"},
    "fig5_oracles": {"segxal-pseudo", "segxal-human"},
    **dict.fromkeys(("fig7_split", "table3"), set(segxal_methods(PRESET)) or {"a SegXAL method"}),
    **dict.fromkeys(("error_detection", "faithfulness", "ablation_oracle"), {"segxal-human"}),
    "pseudo_labels": {"advent"},
    "adaptation_table": {"source-only"},
    "comparison": {random_selection(PRESET.methods) or "a random selection"},
}
PICTURES, TABLES, CHECKS = (
    tuple(name for name in names if SHOWN.get(name, set()) <= set(PRESET.methods)) for names in (PICTURES, TABLES, CHECKS)
)
DONE = ".done"  # not in git: a fresh clone has the records but not the weights, and runs everything
VIEWS = ("kfold", *CHECKS, *PICTURES, *TABLES)  # notebooks that look at what the stages left


def source(name):
    return paths.NOTEBOOKS / f"{name}.ipynb"


def origin(name):
    """What a notebook is made of, itself and the preset: it runs again when this changes."""
    return hashlib.sha256(source(name).read_bytes() + SETTINGS.read_bytes()).hexdigest()[:16]


def done(key):
    return f"{DONE}/{key}"


def notebook(words=""):
    """Shell line that runs the notebook a rule is named after through the strict papermill runner."""
    given = '-p preset "$SEGXAL_PRESET" -p data_root "$SEGXAL_DATA_ROOT"'
    return f'"$SEGXAL_PYTHON" -m segxal.apps.cli notebook {{rule}} {{output.book}} {given} {words}'


def first_seed(name):
    """Looks into one run take the study's first seed."""
    return f"-p seed {PRESET.seeds[0]}" if "seed" in parameters_of(source(name)) else ""


rule all:
    input:
        [done(key) for key in (*JOBS, *VIEWS, "report")],
        [f"{EXECUTED}/{key}.ipynb" for key in (*JOBS, *VIEWS, "report")],
        [f"{FIGURES}/{name}.{kind}" for name in PICTURES for kind in ("png", "pdf")],
        [f"tables/{name}.{kind}" for name in TABLES for kind in ("csv", "md", "tex")],
        "report.html",


for book in BOOKS:  # one rule for a stage, under the name of the notebook that shows it
    rule:
        name: book
        priority: 0 if book in ("baseline", "supervised") else 1  # SegXAL's chain is the longest, and ablations end it
        input: lambda w, book=book: [done(key) for key in JOBS[f"{book}/{w.job}"].needs]
        output: book=f"{EXECUTED}/{book}/{{job}}.ipynb", stamp=touch(f"{DONE}/{book}/{{job}}")
        params:
            words=lambda w, book=book: " ".join(f"-p {k} {v}" for k, v in JOBS[f"{book}/{w.job}"].parameters.items()),
            origin=origin(book),
        shell: notebook("{params.words}")


rule records:
    input: [done(key) for key in JOBS]
    output: update("results.csv")  # it and its siblings hold rows of runs that are on disk no longer
    shell: '"$SEGXAL_PYTHON" -m segxal.apps.cli records --preset "$SEGXAL_PRESET"'


for name in VIEWS:
    rule:
        name: name
        input: [] if name in ("kfold", "data_and_pool") else "results.csv"
        output:
            [f"{FIGURES}/{name}.{kind}" for kind in ("png", "pdf") if name in PICTURES],
            [f"tables/{name}.{kind}" for kind in ("csv", "md", "tex") if name in TABLES],
            book=f"{EXECUTED}/{name}.ipynb",
            stamp=touch(done(name)),
        params: words=first_seed(name), origin=origin(name)
        shell: notebook("{params.words}")


rule report:
    input: [done(name) for name in VIEWS]
    output: "report.html", book=f"{EXECUTED}/report.ipynb", stamp=touch(done("report"))
    params: origin=origin("report")
    shell: notebook()
