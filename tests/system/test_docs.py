"""Every code block of the plugin documentation compiles as it stands, with strict warnings."""
import os
import re
import subprocess

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FLAGS = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fPIC", "-fvisibility=hidden", "-shared",
         "-I" + os.path.join(ROOT, "include")]
DIALECTS = {"c": ["c99", "c11", "c17"], "cpp": ["c++98", "c++11", "c++17", "c++20"]}


def blocks():
    for name in ("docs/plugins.md", "README.md"):
        with open(os.path.join(ROOT, name)) as f:
            text = f.read()
        for n, match in enumerate(re.finditer(r"^```(c|cpp)\n(.*?)^```", text, re.M | re.S)):
            yield pytest.param(match.group(1), match.group(2), id=f"{os.path.basename(name)}-{n}")


@pytest.mark.parametrize("language,code", blocks())
def test_block_compiles(language, code, tmp_path):
    source = tmp_path / ("block." + {"c": "c", "cpp": "cc"}[language])
    source.write_text(code)
    for standard in DIALECTS[language]:
        run = subprocess.run([{"c": "cc", "cpp": "c++"}[language], "-std=" + standard] + FLAGS +
                             ["-o", str(tmp_path / "block.so"), str(source)],
                             capture_output=True, text=True)
        assert run.returncode == 0, f"{standard}:\n{run.stderr}"


def test_there_are_blocks():
    assert len(list(blocks())) >= 10
