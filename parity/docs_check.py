"""Runs the Python blocks of docs/from-pytorch.md, one after another, in an empty folder.

    python parity/docs_check.py

What TypeScript writes between them, `back.safetensors` and `back.json`, is a copy of what the first wrote.
"""

import json
import os
import re
import shutil
import tempfile

from reference import HERE, source_folder

source_folder()

PAGE = HERE.parent / "docs" / "from-pytorch.md"


def run() -> int:
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for number, block in enumerate(blocks):
            exec(compile(block, f"{PAGE.name}, block {number + 1}", "exec"), {})
            if not os.path.exists("back.json"):
                shutil.copy("quantizer.safetensors", "back.safetensors")
                told = {"class": "ResidualVQ", "kwargs": json.load(open("quantizer.json"))}
                json.dump(told, open("back.json", "w"))
        os.chdir(HERE)
    return len(blocks)


if __name__ == "__main__":
    print(f"{run()} blocks of {PAGE.name} run")
