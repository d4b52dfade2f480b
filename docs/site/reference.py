"""Pages of the reference, made of the program."""

from collections import defaultdict

from engine.shipped import read_ruleset
from gateway.http.operation import Operation
from gateway.http.problem_codes import PROBLEM_KINDS
from gateway.operations.table import OPERATIONS, container_pages


def pages() -> dict[str, str]:
    """The text of each, by its path in the site."""
    return {"reference/problems.md": _problems(), "reference/api.md": _api()}


def _operations() -> list[Operation]:
    return [*OPERATIONS.values(), *container_pages(read_ruleset("haversack")).values()]


def _problems() -> str:
    answered_by: defaultdict[str, list[str]] = defaultdict(list)
    operations = _operations()
    for operation in operations:
        for code in operation.codes:
            answered_by[code].append(f"[`{operation.name}`](api.md#{operation.name})")
    lines = [
        "# Problems",
        "",
        "Every code that a problem document may carry. The codes are stable; titles are for people.",
        "",
        "| code | status | says | answered by |",
        "| --- | --- | --- | --- |",
    ]
    for code, kind in PROBLEM_KINDS.items():
        found = answered_by[code]
        if len(found) > len(operations) - 8:
            shown = "nearly all"
        elif found:
            shown = ", ".join(found)
        elif kind.status in (404, 405):
            shown = "paths that are none"
        else:
            shown = "every command that the rules judge"
        lines.append(f"| `{code}` | {kind.status} | {kind.title} | {shown} |")
    return "\n".join(lines) + "\n"


def _api() -> str:
    lines = [
        "# Operations of the API",
        "",
        "One section for each, as `/openapi.json` has them; the service itself shows it at `/docs`, with all"
        " types and examples. The containers are those of the shipped ruleset.",
        "",
    ]
    for operation in _operations():
        scope = f"a token with `{operation.scope}`" if operation.scope else "nothing"
        lines += [
            f"## {operation.name}",
            "",
            f"`{operation.method} {operation.path}`: {operation.summary}. Needs {scope}.",
            "",
        ]
        if operation.description:
            lines += [operation.description, ""]
        if operation.query:
            lines += ["| parameter | |", "| --- | --- |"]
            lines += [f"| `{parameter.name}` | {parameter.summary} |" for parameter in operation.query]
            lines.append("")
        codes = ", ".join(f"`{code}`" for code in operation.codes)
        lines += [f"Answers {operation.status}, or [a problem](problems.md): {codes}.", ""]
    return "\n".join(lines)
