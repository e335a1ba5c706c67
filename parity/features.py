"""Lists every class, option, argument and method of the reference, read from its sources.

    python parity/features.py           writes parity/features.json and signatures.json
    python parity/features.py --check   says whether they are what the sources give; exit code 1 if not

The sources are parsed, not imported, so torch is not needed. A row is named as features.md names it:
`decay` (constructor option), `forward(mask)` (argument of forward), `expire_codes_()` (method),
`.codebook` (property), `.codebook =` (setter).

signatures.json has the constructors: each option with its `default`, or with its default in `python` if
that is no plain value, or with nothing if it has to be given; and where `**kwargs` go: to which class,
`without` the options that the constructor gives it by itself.
"""

import argparse
import ast
import json
import re
import sys
from pathlib import Path

from reference import HERE, PACKAGE, VERSION, source_folder

FEATURES_JSON = HERE / "features.json"
SIGNATURES_JSON = HERE / "signatures.json"

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


def default_of(node: ast.expr) -> dict:
    try:
        return {"default": ast.literal_eval(node)}
    except ValueError:
        return {"python": ast.unparse(node)}


def handed_on(init: ast.FunctionDef) -> dict:
    """Which class gets the `**kwargs` of a constructor."""
    for node in ast.walk(init):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        if any(keyword.arg is None for keyword in node.keywords) and node.func.id[0].isupper():
            return {"to": node.func.id, "without": [k.arg for k in node.keywords if k.arg is not None]}
    return {}


def signature(definition: ast.ClassDef) -> dict:
    for node in definition.body:
        if isinstance(node, ast.FunctionDef) and node.name == "__init__":
            spec = node.args
            placed = [a for a in (*spec.posonlyargs, *spec.args) if a.arg != "self"]
            defaults = [None] * (len(placed) - len(spec.defaults)) + list(spec.defaults)
            pairs = [*zip(placed, defaults), *zip(spec.kwonlyargs, spec.kw_defaults)]
            options = {a.arg: {} if value is None else default_of(value) for a, value in pairs}
            return {"options": options, **({"rest": handed_on(node)} if spec.kwarg else {})}
    return {"options": {}}


def signatures() -> dict:
    folder = source_folder()
    definitions = class_definitions(folder)
    return {name: signature(definitions[name]) for name in [*exported(folder), *REACHED]}


def signatures_formatted(all_of_them: dict) -> str:
    """JSON as Biome formats it, one line an option."""

    def line(value: dict) -> str:
        inner = ", ".join(f"{json.dumps(name)}: {json.dumps(own)}" for name, own in value.items())
        return f"{{ {inner} }}" if inner else "{}"

    def block(entries: list[str], indent: str) -> str:
        return "{\n" + ",\n".join(f"{indent}  {entry}" for entry in entries) + f"\n{indent}}}"

    classes = []
    for name, own in all_of_them.items():
        options = [f"{json.dumps(option)}: {line(told)}" for option, told in own["options"].items()]
        parts = [f'"options": {block(options, "    ") if options else "{}"}']
        if "rest" in own:
            rest = [f"{json.dumps(name)}: {json.dumps(value)}" for name, value in own["rest"].items()]
            parts.append(f'"rest": {block(rest, "    ")}')
        classes.append(f"{json.dumps(name)}: {block(parts, '  ')}")
    return re.sub(r"e-0(?=\d)", "e-", block(classes, "")) + "\n"  # as JavaScript writes them


def check(written: dict[Path, str]) -> list[str]:
    stale = [path for path, text in written.items() if not path.exists() or path.read_text() != text]
    return [f"{path.name} is not what the reference's sources give; run without --check" for path in stale]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare only; write nothing")
    features = extract()
    written = {
        FEATURES_JSON: formatted(features),
        SIGNATURES_JSON: signatures_formatted(signatures()),
    }
    if parser.parse_args().check:
        problems = check(written)
        print("\n".join(problems) or "features.json and signatures.json are what the sources give")
        sys.exit(1 if problems else 0)
    for path, text in written.items():
        path.write_text(text)
    total = sum(map(len, features["classes"].values()))
    print(f"{len(features['classes'])} classes, {total} rows")


if __name__ == "__main__":
    main()
