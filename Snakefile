# The study as a graph of notebooks: method x seed x cycle x ablation. `segxal reproduce` is its face.
# Every wanted file is listed in `rule all`: Snakemake does not remake a lost intermediate otherwise.
import sys
from pathlib import Path

from segxal.methods import random_selection
from segxal.storage import paths
from segxal.study.execution import parameters_of
from segxal.study.grid import segxal_methods, select
from segxal.study.jobs import BOOKS, jobs_of
from segxal.study.settings import load_preset

SEEDS = [int(seed) for seed in config["seeds"]]  # Snakemake hands numbers over as text
PRESET = select(load_preset(config["preset"]), SEEDS, config["methods"])
STUDY = paths.RUNS / PRESET.name
EXECUTED = STUDY / "notebooks"
FIGURES = paths.FIGURES / PRESET.name
SETTINGS = config["preset"] if config["preset"].endswith(".yml") else str(paths.PRESETS / f"{PRESET.name}.yml")
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
DONE = STUDY / ".done"  # not in git: a fresh clone has the records but not the weights, and runs everything
VIEWS = ("kfold", *CHECKS, *PICTURES, *TABLES)  # notebooks that look at what the stages left


def source(name):
    return str(paths.NOTEBOOKS / f"{name}.ipynb")


def done(key):
    return f"{DONE}/{key}"


def notebook(words=""):
    """Shell line that runs the notebook a rule is named after through the strict papermill runner."""
    values = {"preset": config["preset"], "data_root": f"'{config['data_root'] or ''}'"}  # Snakemake reads '' as None
    given = " ".join(f"-p {key} {value}" for key, value in values.items())
    return f"{sys.executable} -m segxal.apps.cli notebook {{rule}} {{output.book}} {given} {words}"


def first_seed(name):
    """Looks into one run take the study's first seed."""
    return f"-p seed {PRESET.seeds[0]}" if "seed" in parameters_of(Path(source(name))) else ""


rule all:
    input:
        [done(key) for key in (*JOBS, *VIEWS, "report")],
        [f"{EXECUTED}/{key}.ipynb" for key in (*JOBS, *VIEWS, "report")],
        [f"{FIGURES}/{name}.{kind}" for name in PICTURES for kind in ("png", "pdf")],
        [f"{STUDY}/tables/{name}.{kind}" for name in TABLES for kind in ("csv", "md", "tex")],
        f"{STUDY}/report.html",


for book in BOOKS:  # one rule for a stage, under the name of the notebook that shows it
    rule:
        name: book
        priority: 0 if book in ("baseline", "supervised") else 1  # SegXAL's chain is the longest, and ablations end it
        input:
            source(book),
            SETTINGS,
            lambda w, book=book: [done(key) for key in JOBS[f"{book}/{w.job}"].needs],
        output: book=f"{EXECUTED}/{book}/{{job}}.ipynb", stamp=touch(f"{DONE}/{book}/{{job}}")
        params: lambda w, book=book: " ".join(f"-p {k} {v}" for k, v in JOBS[f"{book}/{w.job}"].parameters.items())
        shell: notebook("{params}")


rule records:
    input: [done(key) for key in JOBS]
    output: update(f"{STUDY}/results.csv")  # it and its siblings hold rows of runs that are on disk no longer
    shell: f"{sys.executable} -m segxal.apps.cli records --preset {config['preset']}"


for name in VIEWS:
    rule:
        name: name
        input: source(name), SETTINGS, [] if name in ("kfold", "data_and_pool") else f"{STUDY}/results.csv"
        output:
            [f"{FIGURES}/{name}.{kind}" for kind in ("png", "pdf") if name in PICTURES],
            [f"{STUDY}/tables/{name}.{kind}" for kind in ("csv", "md", "tex") if name in TABLES],
            book=f"{EXECUTED}/{name}.ipynb",
            stamp=touch(done(name)),
        params: first_seed(name)
        shell: notebook("{params}")


rule report:
    input: source("report"), SETTINGS, [done(name) for name in VIEWS]
    output: f"{STUDY}/report.html", book=f"{EXECUTED}/report.ipynb", stamp=touch(done("report"))
    shell: notebook()
