"""Every call of a layer in a Keras model, with the shapes that go in: models in a row and graphs, nested or not.

Both ways of writing are read: that of Keras 3, whose graph says each shape, and that of Keras 2, where a shape is
followed from the inputs. Configuration: https://keras.io/guides/serialization_and_saving/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from . import facts, keras_shapes
from .facts import NotKnown
from .keras_shapes import Shape, shape_of

_DEEPEST = 16
_MOST_CALLS = 100_000


class Calls:
    """``found`` lists each call: the layer's class, its configuration, and the shapes that go in."""

    def __init__(self, asked: facts.Shapes) -> None:
        """``asked`` gives the shape of an input by its name, with its batch."""
        self._asked = asked
        self._named: set[str] = set()
        self.found: list[tuple[str, Mapping[str, Any], list[Shape | None]]] = []

    def follow(self, model: Mapping[str, Any]) -> None:
        """Collect the calls of a whole model. Raises NotKnown for a configuration that cannot be followed."""
        self._model(model, [], 0)
        unknown = sorted(set(self._asked) - self._named)
        if unknown:
            there = ", ".join(sorted(self._named))[:200]
            raise NotKnown(f"the model has no input {unknown[0][:60]}; it has {there or 'none with a name'}")

    def _model(self, model: Mapping[str, Any], given: list[Shape | None], depth: int) -> list[Shape | None]:
        config = model.get("config")
        layers = config if isinstance(config, list) else _of(config, "layers")  # Keras 1 wrote the list alone
        if not isinstance(layers, list) or depth > _DEEPEST:
            raise NotKnown("its configuration has no list of layers")
        if any(isinstance(one, dict) and one.get("inbound_nodes") for one in layers):
            return self._graph(config if isinstance(config, dict) else {}, layers, given, depth)
        shapes = given or [self._start(layers)]
        for layer in layers:
            shapes = [self._call(layer, shapes, depth)]
        return shapes

    def _start(self, layers: list[Any]) -> Shape | None:
        """What goes into a model in a row: said by an input layer, by its first layer, or by what built it."""
        first = layers[0] if layers else None
        config = _of(first, "config")
        if _of(first, "class_name") == "InputLayer":
            return self._input(first)
        shape = shape_of(_of(config, "batch_input_shape"))
        return shape if shape is not None else shape_of(_of(_of(first, "build_config"), "input_shape"))

    def _graph(
        self, config: Mapping[str, Any], layers: list[Any], given: list[Shape | None], depth: int
    ) -> list[Shape | None]:
        inputs = [one[0] for one in config.get("input_layers") or [] if isinstance(one, list) and one]
        outer = dict(zip(inputs, given, strict=False))
        known: dict[tuple[str, int], Shape | None] = {}
        for layer in layers:
            name = str(_of(layer, "name") or _of(_of(layer, "config"), "name"))
            nodes = _of(layer, "inbound_nodes")
            if not nodes or not isinstance(nodes, list):
                known[name, 0] = outer.get(name) or self._call(layer, [], depth)
                continue
            for number, node in enumerate(nodes):
                shapes = [
                    shape if shape is not None else known.get(where) for where, shape in _references(node, 0)
                ]
                known[name, number] = self._call(layer, shapes, depth)
        ends = [one for one in config.get("output_layers") or [] if isinstance(one, list) and len(one) > 1]
        return [known.get((str(name), node)) for name, node, *_ in ends if isinstance(node, int)]

    def _call(self, layer: object, inputs: list[Shape | None], depth: int) -> Shape | None:
        config = _of(layer, "config")
        name = str(_of(layer, "class_name"))[:60]
        if not isinstance(layer, dict) or not isinstance(config, dict | list):
            raise NotKnown("a layer has no configuration")
        if layer.get("registered_name") not in (None, name):
            raise NotKnown(f"the layer {name} is not one of Keras's own")
        if isinstance(config, list) or isinstance(config.get("layers"), list):
            outputs = self._model(layer, inputs, depth + 1)
            return outputs[0] if len(outputs) == 1 else None
        if name == "InputLayer":
            return inputs[0] if inputs else self._input(layer)
        if len(self.found) >= _MOST_CALLS:
            raise NotKnown(f"its layers are called more than {_MOST_CALLS} times")
        self.found.append((name, config, inputs))
        return keras_shapes.output_of(name, config, inputs)

    def _input(self, layer: Any) -> Shape | None:
        config = layer["config"]
        name = str(_of(config, "name"))
        self._named.add(name)
        written = _of(config, "batch_shape") or _of(config, "batch_input_shape")
        asked = self._asked.get(name)
        if asked is None:
            return shape_of(written)
        fits = isinstance(written, list) and len(written) == len(asked)
        if fits and all(size in (None, one) for size, one in zip(written[1:], asked[1:], strict=True)):
            return asked[1:]
        raise NotKnown(
            f"the input {name[:60]} has the shape {written} in the file, which {list(asked)} does not fit"
        )


def _of(tree: object, key: str) -> Any:
    return tree.get(key) if isinstance(tree, Mapping) else None


def _references(node: object, depth: int) -> Iterator[tuple[tuple[str, int], Shape | None]]:
    """Where each input of a call comes from, and its shape where the file says it."""
    if depth > _DEEPEST:
        return
    if isinstance(node, Mapping):
        if node.get("class_name") == "__keras_tensor__":
            history = _of(node.get("config"), "keras_history")
            if isinstance(history, list) and len(history) == 3 and type(history[1]) is int:
                yield (str(history[0]), history[1]), shape_of(_of(node["config"], "shape"))
            return
        for one in node.values():
            yield from _references(one, depth + 1)
    elif isinstance(node, list):
        if len(node) >= 3 and isinstance(node[0], str) and type(node[1]) is int and type(node[2]) is int:
            yield (node[0], node[1]), None
            node = node[3:]
        for one in node:
            yield from _references(one, depth + 1)
