# The study as a graph of notebooks: method x seed x cycle x ablation. `segxal reproduce` is its face.
# Every wanted file is listed in `rule all`: Snakemake does not remake a lost intermediate otherwise.
import sys

from segxal import paths
from segxal.config import load_preset
from segxal.methods import START, SUPERVISED
from segxal.state import MANIFEST
from segxal.study import GATE_ABLATIONS, GATE_METHOD, MASK_ABLATIONS, ours, run_of, select, split_ablations, whole_grid

PRESET = select(load_preset(config["preset"]), config["seeds"], config["methods"])
STUDY = paths.RUNS / PRESET.name
BOOKS = STUDY / "notebooks"
FIGURES = paths.FIGURES / PRESET.name
SETTINGS = config["preset"] if config["preset"].endswith(".yml") else str(paths.PRESETS / f"{PRESET.name}.yml")
SPLIT_ABLATIONS = [name for name in split_ablations(PRESET).values() if name != "none"]
PICTURES = ("fig1_pipeline", "fig2_pae", "fig3_annotation", "fig4_cycles", "fig5_oracles", "fig6_gradcam", "fig7_split")
TABLES = ("table2", "table3")
CHECKS = ("data_and_pool", "error_detection", "faithfulness", "ablation_oracle")
STATE = (MANIFEST, "model.safetensors")  # weights are not in git: a fresh clone computes the cycle again
GRID = whole_grid(PRESET)


def source(name):
    return str(paths.NOTEBOOKS / f"{name}.ipynb")


def state(cycle):
    return [str(cycle.folder / name) for name in STATE]


def ends(runs):
    return [file for run in runs for file in state(run[-1])]


def notebook(name, *wildcards):
    """Shell line that runs a notebook through the strict papermill runner."""
    values = {"preset": config["preset"], "data_root": f"'{config['data_root']}'"}
    values |= {word: f"{{wildcards.{word}}}" for word in wildcards}
    words = " ".join(f"-p {key} {value}" for key, value in values.items())
    return f"{sys.executable} -m segxal.cli notebook {name} {{output.book}} {words}"


def before(w):
    run = run_of(PRESET, w.method, int(w.seed), w.ablation)
    return state(run[int(w.cycle) - 1]) if int(w.cycle) else []


def main_run(w):
    return state(run_of(PRESET, w.method, int(w.seed))[-1])


def main_run_and_starts(w):
    return main_run(w) + [f for a in SPLIT_ABLATIONS for f in state(run_of(PRESET, START, int(w.seed), a)[0])]


def last_state(ablations):
    ending = f"cycle_{PRESET.loop.cycles:02d}"
    return [f"{STUDY}/runs/{{method}}/{a}/seed{{seed}}/{ending}/{name}" for a in ablations for name in STATE]


def wanted_books():
    cells = {(c.method, c.ablation, c.seed, c.number) for run in GRID if run[-1].ablation == "none" for c in run}
    cycles = [f"al_cycle/{m}-{a}-seed{s}-cycle{n}" for m, a, s, n in sorted(cells) if m != SUPERVISED]
    supervised = [f"supervised/seed{s}" for s in PRESET.seeds if SUPERVISED in PRESET.methods]
    parts = [f"{book}/{m}-seed{s}" for book in ("ablation_eem", "ablation_split") for m in ours(PRESET) for s in PRESET.seeds]
    gates = [f"ablation_gate/{GATE_METHOD}-seed{s}" for s in PRESET.seeds if GATE_METHOD in PRESET.methods]
    return [f"{BOOKS}/{b}.ipynb" for b in (*cycles, *supervised, *parts, *gates, *CHECKS, *PICTURES, *TABLES, "kfold", "report")]


wildcard_constraints:
    method="[a-z-]+",
    ablation=r"none|split-[0-9.]+",
    seed=r"\d+",
    cycle=r"\d",
    kind="png|pdf",


rule all:
    input:
        wanted_books(),
        ends(GRID),
        [f"{FIGURES}/{name}.{kind}" for name in PICTURES for kind in ("png", "pdf")],
        [f"{STUDY}/tables/{name}.{kind}" for name in TABLES for kind in ("csv", "md", "tex")],
        f"{STUDY}/report.html",


rule al_cycle:
    input: source("al_cycle"), SETTINGS, before
    output:
        book=f"{BOOKS}/al_cycle/{{method}}-{{ablation}}-seed{{seed}}-cycle{{cycle}}.ipynb",
        state=[f"{STUDY}/runs/{{method}}/{{ablation}}/seed{{seed}}/cycle_0{{cycle}}/{name}" for name in STATE],
    shell: notebook("al_cycle", "method", "ablation", "seed", "cycle")


rule supervised:
    input: source("supervised"), SETTINGS
    output:
        book=f"{BOOKS}/supervised/seed{{seed}}.ipynb",
        state=[f"{STUDY}/runs/supervised/none/seed{{seed}}/cycle_00/{name}" for name in STATE],
    shell: notebook("supervised", "seed")


rule kfold:
    input: source("kfold"), SETTINGS
    output: book=f"{BOOKS}/kfold.ipynb"
    shell: notebook("kfold")


rule data_and_pool:
    input: source("data_and_pool"), SETTINGS
    output: book=f"{BOOKS}/data_and_pool.ipynb"
    shell: notebook("data_and_pool")


rule ablation_eem:
    input: source("ablation_eem"), SETTINGS, main_run
    output: book=f"{BOOKS}/ablation_eem/{{method}}-seed{{seed}}.ipynb", state=last_state(MASK_ABLATIONS)
    shell: notebook("ablation_eem", "method", "seed")


rule ablation_gate:
    input: source("ablation_gate"), SETTINGS, main_run
    output: book=f"{BOOKS}/ablation_gate/{{method}}-seed{{seed}}.ipynb", state=last_state(GATE_ABLATIONS)
    shell: notebook("ablation_gate", "method", "seed")


rule ablation_split:
    input: source("ablation_split"), SETTINGS, main_run_and_starts
    output: book=f"{BOOKS}/ablation_split/{{method}}-seed{{seed}}.ipynb", state=last_state(SPLIT_ABLATIONS)
    shell: notebook("ablation_split", "method", "seed")


rule records:
    input: ends(GRID)
    output: f"{STUDY}/results.csv", f"{STUDY}/class_iou.csv"
    params: " ".join(f"--{key} {' '.join(map(str, config[key]))}" for key in ("seeds", "methods") if config[key])
    shell: f"{sys.executable} -m segxal.cli records --preset {config['preset']} {{params}}"


for name in (*CHECKS[1:], *PICTURES, *TABLES):
    rule:
        name: name
        input: source(name), SETTINGS, f"{STUDY}/results.csv"
        output:
            [f"{FIGURES}/{name}.{kind}" for kind in ("png", "pdf") if name in PICTURES],
            [f"{STUDY}/tables/{name}.{kind}" for kind in ("csv", "md", "tex") if name in TABLES],
            book=f"{BOOKS}/{name}.ipynb",
        shell: notebook(name)


rule report:
    input:
        source("report"), SETTINGS, f"{BOOKS}/kfold.ipynb", f"{BOOKS}/data_and_pool.ipynb",
        [f"{BOOKS}/{name}.ipynb" for name in (*CHECKS, *PICTURES, *TABLES)],
    output: f"{STUDY}/report.html", book=f"{BOOKS}/report.ipynb"
    shell: notebook("report")
