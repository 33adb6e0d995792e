# The study as a graph of notebooks: method x seed x cycle x ablation. `segxal reproduce` is its face.
# Every wanted file is listed in `rule all`: Snakemake does not remake a lost intermediate otherwise.
import sys
from pathlib import Path

from segxal.storage import paths
from segxal.study.settings import load_preset
from segxal.study.execution import parameters_of
from segxal.methods.base import METHODS, START, SUPERVISED, random_selection
from segxal.study.grid import GATE_METHOD, noisy, ours, rivals, run_of, select, split_ablations, whole_grid

SEEDS = [int(seed) for seed in config["seeds"]]  # Snakemake hands numbers over as text
PRESET = select(load_preset(config["preset"]), SEEDS, config["methods"])
STUDY = paths.RUNS / PRESET.name
BOOKS = STUDY / "notebooks"
FIGURES = paths.FIGURES / PRESET.name
SETTINGS = config["preset"] if config["preset"].endswith(".yml") else str(paths.PRESETS / f"{PRESET.name}.yml")
SPLIT_ABLATIONS = [name for name in split_ablations(PRESET).values() if name != "none"]
PICTURES = ("fig1_pipeline", "fig2_pae", "fig3_annotation", "fig4_cycles", "fig5_oracles", "fig6_gradcam", "fig7_split")
TABLES = ("table1", "table2", "table3")
CHECKS = ("data_and_pool", "error_detection", "faithfulness", "ablation_oracle", "comparison")
SHOWN = {  # methods a notebook shows; without them it is left out
    **dict.fromkeys(("fig1_pipeline", "fig2_pae", "fig3_annotation", "fig6_gradcam"), {"segxal-human"}),
    "fig4_cycles": {"segxal-pseudo"},
    "fig5_oracles": {"segxal-pseudo", "segxal-human"},
    **dict.fromkeys(("fig7_split", "table3"), set(ours(PRESET)) or {"a SegXAL method"}),
    **dict.fromkeys(("error_detection", "faithfulness", "ablation_oracle"), {"segxal-human"}),
    "comparison": {random_selection(PRESET.methods) or "a random selection"},
}
PICTURES, TABLES, CHECKS = (
    tuple(name for name in names if SHOWN.get(name, set()) <= set(PRESET.methods)) for names in (PICTURES, TABLES, CHECKS)
)
DONE = STUDY / ".done"  # not in git: a fresh clone has the records but not the weights, and runs everything
GRID = whole_grid(PRESET)
RIVALS = rivals(PRESET)  # one notebook for all cycles of a run


def source(name):
    return str(paths.NOTEBOOKS / f"{name}.ipynb")


def done(name):
    return f"{DONE}/{name}"


def notebook(*wildcards):
    """Shell line that runs the notebook a rule is named after through the strict papermill runner."""
    values = {"preset": config["preset"], "data_root": f"'{config['data_root'] or ''}'"}  # Snakemake reads '' as None
    values |= {word: f"{{wildcards.{word}}}" for word in wildcards}
    words = " ".join(f"-p {key} {value}" for key, value in values.items())
    return f"{sys.executable} -m segxal.apps.cli notebook {{rule}} {{output.book}} {words}"


def first_seed(name):
    """Looks into one run take the study's first seed."""
    return f"-p seed {PRESET.seeds[0]}" if "seed" in parameters_of(Path(source(name))) else ""


def cycle_name(cycle):
    if cycle.method == SUPERVISED:
        return f"supervised/seed{cycle.seed}"
    if cycle.method in RIVALS and cycle.number:
        return f"rival/{cycle.method}-seed{cycle.seed}"
    return f"al_cycle/{cycle.method}-{cycle.ablation}-seed{cycle.seed}-cycle{cycle.number}"


def run_of_wildcards(w):
    return run_of(PRESET, w.method, int(w.seed))


def before(w):
    cycle = run_of(PRESET, w.method, int(w.seed), w.ablation)[int(w.cycle)]
    return [done(cycle_name(cycle.previous))] if cycle.previous else []


def main_run(w):
    return [done(cycle_name(run_of_wildcards(w)[-1]))]


def main_run_and_starts(w):
    starts = [run_of(PRESET, START, int(w.seed), a)[0] for a in SPLIT_ABLATIONS]
    return [*main_run(w), *(done(cycle_name(cycle)) for cycle in starts)]


def sources_of_records():
    """One stamp per notebook that computes cycles: methods cycle by cycle, ablations run by run."""
    cycles = {cycle_name(cycle) for run in GRID for cycle in run if run[-1].ablation == "none" or not cycle.number}
    parts = [f"{book}/{m}-seed{s}" for book in ("ablation_eem", "ablation_split") for m in ours(PRESET) for s in PRESET.seeds]
    gates = [f"ablation_gate/{GATE_METHOD}-seed{s}" for s in PRESET.seeds if GATE_METHOD in PRESET.methods]
    noises = [f"ablation_noise/{m}-seed{s}" for m in noisy(PRESET) for s in PRESET.seeds]
    return [*sorted(cycles), *parts, *gates, *noises]


wildcard_constraints:
    method="|".join((START, *METHODS)),
    ablation=r"none|dropout|split-[0-9.]+",
    seed=r"\d+",
    cycle=r"\d",


rule all:
    input:
        [done(name) for name in (*sources_of_records(), *CHECKS, *PICTURES, *TABLES, "kfold", "report")],
        [f"{BOOKS}/{name}.ipynb" for name in (*sources_of_records(), *CHECKS, *PICTURES, *TABLES, "kfold", "report")],
        [f"{FIGURES}/{name}.{kind}" for name in PICTURES for kind in ("png", "pdf")],
        [f"{STUDY}/tables/{name}.{kind}" for name in TABLES for kind in ("csv", "md", "tex")],
        f"{STUDY}/report.html",


rule al_cycle:
    priority: 1  # the longest chain, and the ablations wait for its end
    input: source("al_cycle"), SETTINGS, before
    output:
        book=f"{BOOKS}/al_cycle/{{method}}-{{ablation}}-seed{{seed}}-cycle{{cycle}}.ipynb",
        stamp=touch(f"{DONE}/al_cycle/{{method}}-{{ablation}}-seed{{seed}}-cycle{{cycle}}"),
    shell: notebook("method", "ablation", "seed", "cycle")


rule rival:
    input: source("rival"), SETTINGS, lambda w: done(cycle_name(run_of_wildcards(w)[0]))
    output: book=f"{BOOKS}/rival/{{method}}-seed{{seed}}.ipynb", stamp=touch(f"{DONE}/rival/{{method}}-seed{{seed}}")
    shell: notebook("method", "seed")


rule supervised:
    input: source("supervised"), SETTINGS
    output: book=f"{BOOKS}/supervised/seed{{seed}}.ipynb", stamp=touch(f"{DONE}/supervised/seed{{seed}}")
    shell: notebook("seed")


rule ablation_eem:
    priority: 1
    input: source("ablation_eem"), SETTINGS, main_run
    output: book=f"{BOOKS}/ablation_eem/{{method}}-seed{{seed}}.ipynb", stamp=touch(f"{DONE}/ablation_eem/{{method}}-seed{{seed}}")
    shell: notebook("method", "seed")


rule ablation_gate:
    priority: 1
    input: source("ablation_gate"), SETTINGS, main_run
    output: book=f"{BOOKS}/ablation_gate/{{method}}-seed{{seed}}.ipynb", stamp=touch(f"{DONE}/ablation_gate/{{method}}-seed{{seed}}")
    shell: notebook("method", "seed")


rule ablation_noise:
    priority: 1
    input: source("ablation_noise"), SETTINGS, main_run
    output: book=f"{BOOKS}/ablation_noise/{{method}}-seed{{seed}}.ipynb", stamp=touch(f"{DONE}/ablation_noise/{{method}}-seed{{seed}}")
    shell: notebook("method", "seed")


rule ablation_split:
    priority: 1
    input: source("ablation_split"), SETTINGS, main_run_and_starts
    output: book=f"{BOOKS}/ablation_split/{{method}}-seed{{seed}}.ipynb", stamp=touch(f"{DONE}/ablation_split/{{method}}-seed{{seed}}")
    shell: notebook("method", "seed")


rule records:
    input: [done(name) for name in sources_of_records()]
    output: f"{STUDY}/results.csv", f"{STUDY}/class_iou.csv"
    shell: f"{sys.executable} -m segxal.apps.cli records --preset {config['preset']}"


for name in ("kfold", *CHECKS, *PICTURES, *TABLES):
    rule:
        name: name
        input: source(name), SETTINGS, [] if name in ("kfold", "data_and_pool") else f"{STUDY}/results.csv"
        output:
            [f"{FIGURES}/{name}.{kind}" for kind in ("png", "pdf") if name in PICTURES],
            [f"{STUDY}/tables/{name}.{kind}" for kind in ("csv", "md", "tex") if name in TABLES],
            book=f"{BOOKS}/{name}.ipynb",
            stamp=touch(done(name)),
        params: first_seed(name)
        shell: notebook() + " {params}"


rule report:
    input: source("report"), SETTINGS, [done(name) for name in ("kfold", *CHECKS, *PICTURES, *TABLES)]
    output: f"{STUDY}/report.html", book=f"{BOOKS}/report.ipynb", stamp=touch(done("report"))
    shell: notebook()
