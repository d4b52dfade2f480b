"""A flame graph: callers below, callees above, as wide as the time they took."""

from collections.abc import Sequence
from typing import Self

from benchmarks.profiling.layers import LOOP, layer_of, layer_of_file
from benchmarks.profiling.sampler import Stack
from benchmarks.svg import Picture

WIDTH, ROW, TOP, MARGIN = 1400, 17, 60, 16
# Narrower than this, in pixels, is not drawn; text needs more.
LEAST, LEAST_TEXT, LETTER = 0.7, 30, 7.2


class _Node:
    def __init__(self) -> None:
        self.count = 0
        self.layer = ""
        self.children: dict[str, Self] = {}

    def depth(self) -> int:
        return 1 + max((child.depth() for child in self.children.values()), default=0)


def draw(stacks: Sequence[Stack], title: str) -> str:
    """The picture's SVG."""
    root = _Node()
    for stack in stacks:
        _add(root, stack)
    height = TOP + ROW * root.depth() + MARGIN
    picture = Picture(
        WIDTH,
        height,
        title,
        "CPU time; callers below, what they call above, coloured by layer; hover for numbers",
    )
    _show(picture, root, "all", MARGIN, (WIDTH - 2 * MARGIN) / root.count, height - MARGIN, root.count)
    return picture.svg()


def _add(root: _Node, stack: Stack) -> None:
    steps = [(spot.function, layer_of_file(spot.file)) for spot in stack.spots] or [(LOOP, LOOP)]
    if stack.call:
        steps.append((stack.call.partition("(")[0] or stack.call, layer_of(stack)))
    node = root
    node.count += stack.count
    for name, layer in steps:
        node = node.children.setdefault(name, _Node())
        node.count += stack.count
        node.layer = layer


def _show(
    picture: Picture, node: _Node, name: str, x: float, pixels: float, bottom: float, total: int
) -> None:
    width = node.count * pixels
    if width < LEAST:
        return
    # Neighbours are mostly of different layers, so that few colours are enough.
    colour = f"c{sum(map(ord, node.layer)) % 5}"
    told = f"{name}: {100 * node.count / total:.1f} % ({node.layer or 'everything'})"
    picture.box(x, bottom - ROW, width, ROW - 1, colour, told)
    if width >= LEAST_TEXT:
        picture.text(x + 3, bottom - 5, name[: int(width / LETTER)])
    for child_name, child in sorted(node.children.items()):
        _show(picture, child, child_name, x, pixels, bottom - ROW, total)
        x += child.count * pixels
