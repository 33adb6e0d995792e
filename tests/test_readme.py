"""The README's snippet runs as it stands and prints what it says."""

import re

from segxal.storage import paths


def test_the_snippet_runs_and_prints_what_it_says(capsys):
    (snippet,) = re.findall(r"```python\n(.*?)```", (paths.ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    said = re.search(r"print\(.*\)  # (.*)", snippet)[1]
    exec(compile(snippet, "README.md", "exec"), {})
    assert capsys.readouterr().out.splitlines() == [said]
