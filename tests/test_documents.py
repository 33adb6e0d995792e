"""README runs as it stands; hooks call targets that are there."""

import re

import yaml

from segxal.storage import paths


def test_the_snippet_runs_and_prints_what_it_says(capsys):
    (snippet,) = re.findall(r"```python\n(.*?)```", (paths.ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    said = re.search(r"print\(.*\)  # (.*)", snippet)[1]
    exec(compile(snippet, "README.md", "exec"), {})
    assert capsys.readouterr().out.splitlines() == [said]


def test_hooks_are_local_and_call_make_targets():
    repositories = yaml.safe_load((paths.ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert [repository["repo"] for repository in repositories] == ["local"], "nothing is fetched"
    makefile = (paths.ROOT / "Makefile").read_text()
    for hook in repositories[0]["hooks"]:
        program, target = hook["entry"].split()
        assert program == "make" and re.search(rf"^{target}:", makefile, re.MULTILINE)


def test_every_document_of_the_root_is_linked_from_the_readme():
    readme = (paths.ROOT / "README.md").read_text()
    assert all(f"({file.name})" in readme for file in paths.ROOT.glob("*.md") if file.name != "README.md")
