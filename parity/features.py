"""Lists every class, option, argument and method of the reference, read from its sources.

    python parity/features.py           writes parity/features.json
    python parity/features.py --check   prints what FEATURES.md and features.json lack; exit code 1

The sources are parsed, not imported, so torch is not needed. A row is named as FEATURES.md names it:
`decay` (constructor option), `forward(mask)` (argument of forward), `expire_codes_()` (method),
`.codebook` (property), `.codebook =` (setter).
"""

import argparse
import ast
import json
import re
import sys
from pathlib import Path

from reference import HERE, PACKAGE, VERSION, source_folder

FEATURES_JSON = HERE / "features.json"
FEATURES_MD = HERE.parent / "FEATURES.md"

# Classes that are not exported, but that users reach: through an option (`mlp_kwargs`,
# `vector_norm`) or an attribute (`vq._codebook.update_ema()` with manual_ema_update).
REACHED = ("Codebook", "MLP", "VectorNorm")


def exported(folder: Path) -> list[str]:
    tree = ast.parse((folder / "__init__.py").read_text())
    return [
        name.asname or name.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for name in node.names
    ]


def class_definitions(folder: Path) -> dict[str, ast.ClassDef]:
    found = {}
    for path in sorted(folder.glob("*.py")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef):
                found[node.name] = node
    return found


def arguments(function: ast.FunctionDef) -> list[str]:
    spec = function.args
    names = [a.arg for a in (*spec.posonlyargs, *spec.args, *spec.kwonlyargs) if a.arg != "self"]
    if spec.vararg:
        names.append(f"*{spec.vararg.arg}")
    if spec.kwarg:
        names.append(f"**{spec.kwarg.arg}")
    return names


def rows(definition: ast.ClassDef) -> list[str]:
    options: list[str] = []
    forward: list[str] = []
    members: list[str] = []
    for node in definition.body:
        if isinstance(node, ast.FunctionDef):
            decorators = [ast.unparse(d) for d in node.decorator_list]
            if node.name == "__init__":
                options = arguments(node)
            elif node.name == "forward":
                forward = [f"forward({name})" for name in arguments(node)]
            elif node.name.startswith("_"):
                continue
            elif "property" in decorators:
                members.append(f".{node.name}")
            elif any(d.endswith(".setter") for d in decorators):
                members.append(f".{node.name} =")
            else:
                members.append(f"{node.name}()")
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Name):
            members += [f"{target.id}()" for target in node.targets if isinstance(target, ast.Name)]
    return options + forward + members


def extract() -> dict:
    folder = source_folder()
    definitions = class_definitions(folder)
    names = [*exported(folder), *REACHED]
    return {
        "reference": {"package": PACKAGE, "version": VERSION},
        "classes": {name: rows(definitions[name]) for name in names},
    }


def formatted(features: dict) -> str:
    """JSON as Biome formats it: a list stands on one line of up to 100 columns, if it fits."""
    expanded = json.dumps(features, indent=2) + "\n"

    def collapse(found: re.Match) -> str:
        line = " ".join(part.strip() for part in found[0].splitlines()).replace("[ ", "[").replace(" ]", "]")
        indent = len(found[0]) - len(found[0].lstrip())
        return " " * indent + line if indent + len(line) <= 100 else found[0]

    return re.sub(r'^ +"\w+": \[[^\]]*\],?$', collapse, expanded, flags=re.MULTILINE)


def table_rows(markdown: str) -> dict[str, list[str]]:
    """The reference names in FEATURES.md: the first cell of each table row, by `## Class` heading."""
    found: dict[str, list[str]] = {}
    current: list[str] = []
    for line in markdown.splitlines():
        if heading := re.match(r"## (\w+)$", line):
            current = found.setdefault(heading[1], [])
        elif row := re.match(r"\| `([^`]+)` +\|", line):
            current.append(row[1])
    return found


def check(features: dict) -> list[str]:
    problems = []
    written = FEATURES_JSON.read_text() if FEATURES_JSON.exists() else "{}"
    if json.loads(written) != features:
        problems.append("parity/features.json is not what the reference's sources give; run without --check")
    table = table_rows(FEATURES_MD.read_text() if FEATURES_MD.exists() else "")
    for name, names in features["classes"].items():
        present = table.get(name, [])
        problems += [f"FEATURES.md, {name}: no row for `{row}`" for row in names if row not in present]
        problems += [f"FEATURES.md, {name}: `{row}` is not in the reference" for row in present if row not in names]
    return problems


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare only; write nothing")
    features = extract()
    if parser.parse_args().check:
        problems = check(features)
        print("\n".join(problems) or "FEATURES.md and features.json are complete")
        sys.exit(1 if problems else 0)
    FEATURES_JSON.write_text(formatted(features))
    total = sum(map(len, features["classes"].values()))
    print(f"{FEATURES_JSON.name}: {len(features['classes'])} classes, {total} rows")


if __name__ == "__main__":
    main()
