"""Copies of a network for a given batch, the same file for every engine.

The first dimension of the inputs becomes the batch. Where the file fixes a batch of 1 elsewhere, that is found and
changed: in the constant shapes of Reshape nodes, one axis of which is the batch's, in constants that are joined to
pictures by Concat, and in places that Gather takes from pictures laid end to end, which are repeated. Which axis is
tried out; a copy counts only if, at batch 2, it gives what two single runs of the original give.
"""
import functools
import hashlib
import itertools
import pathlib
import shutil

import numpy
import onnx
import onnxruntime
from onnx import helper, numpy_helper

MOST_TRIALS = 64
TOLERANCE = 1e-3  # of the outputs' standard deviation


def inputs_of(model):
    """The graph's inputs that are not initializers."""
    constants = {tensor.name for tensor in model.graph.initializer}
    return [value for value in model.graph.input if value.name not in constants]


def pictures(model, count, seed=1):
    """Random inputs by name, float32 or float16, `count` in the first dimension."""
    random = numpy.random.default_rng(seed)
    feeds = {}
    for value in inputs_of(model):
        dims = [d.dim_value or 1 for d in value.type.tensor_type.shape.dim]
        dtype = helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
        feeds[value.name] = random.standard_normal([count] + dims[1:]).astype(dtype)
    return feeds


def load(path):
    return onnx.load(path, load_external_data=False)


class Constants:
    """Values of a graph that no input has a part in, and the small ones of them as arrays."""

    def __init__(self, graph):
        self.arrays = {t.name: t for t in graph.initializer}
        self.arrays.update({n.output[0]: n.attribute[0].t for n in graph.node
                            if n.op_type == "Constant" and n.attribute[0].name == "value"})
        self.names = set(self.arrays) | {""}
        for node in graph.node:
            if all(name in self.names for name in node.input):
                self.names.update(node.output)

    def array(self, name):
        return numpy_helper.to_array(self.arrays[name]) if name in self.arrays else None


def axes_of(shape):
    """Where the batch may be in a Reshape's constant shape; None: nowhere, or where -1 or 0 stands."""
    ones = [axis for axis, extent in enumerate(shape) if extent == 1]
    if any(extent < 1 for extent in shape):
        return [None] + ones
    return ones or [None] + list(range(len(shape)))


def fixed_shapes(model):
    """Reshape nodes of pictures with a constant shape: {index of the node: shape}."""
    constants = Constants(model.graph)
    shapes = {}
    for index, node in enumerate(model.graph.node):
        if node.op_type == "Reshape" and node.input[0] not in constants.names and len(node.input) == 2:
            shape = constants.array(node.input[1])
            if shape is not None:
                shapes[index] = tuple(shape.tolist())
    return shapes


def set_first_dimension(model, batch):
    for value in inputs_of(model) + list(model.graph.output):
        dims = value.type.tensor_type.shape.dim
        if dims:
            dims[0].Clear()
            dims[0].dim_value = batch
    for value in model.graph.output[:]:  # other dimensions follow from the inputs; some files have them wrong
        if value.type.tensor_type.shape.dim:
            value.type.tensor_type.ClearField("shape")
    del model.graph.value_info[:]


def repeat_joined_constants(model, batch):
    constants = Constants(model.graph)
    for number, node in enumerate(model.graph.node):
        axis = next((a.i for a in node.attribute if a.name == "axis"), None)
        if node.op_type != "Concat" or axis == 0 or all(name in constants.names for name in node.input):
            continue
        for place, name in enumerate(node.input):
            array = constants.array(name)
            if array is not None and array.ndim > 1 and array.shape[0] == 1:
                node.input[place] = f"{name}_{number}_repeated"
                repeated = numpy.repeat(array, batch, axis=0)
                model.graph.initializer.append(numpy_helper.from_array(repeated, node.input[place]))


def repeat_flat_gathers(model, batch):
    """Gather of all elements of pictures that a Reshape to [-1] has laid end to end."""
    constants = Constants(model.graph)
    flat = {model.graph.node[index].output[0] for index, shape in fixed_shapes(model).items() if shape == (-1,)}
    for number, node in enumerate(model.graph.node):
        places = constants.array(node.input[1]) if node.op_type == "Gather" and node.input[0] in flat else None
        if places is not None and places.ndim > 1 and places.shape[0] == 1:
            node.input[1] = f"places_{number}_of_batch"
            repeated = numpy.concatenate([places + k * places.size for k in range(batch)])
            model.graph.initializer.append(numpy_helper.from_array(repeated, node.input[1]))


def with_batch(path, batch, axes):
    """The model for a batch; axes: {shape of a Reshape: axis of the batch}."""
    model = load(path)
    for index, shape in fixed_shapes(model).items():
        axis = axes.get(shape)
        if axis is not None:
            changed = numpy.array([extent * batch if k == axis else extent for k, extent in enumerate(shape)], "int64")
            model.graph.node[index].input[1] = f"shape_{index}_of_batch"
            model.graph.initializer.append(numpy_helper.from_array(changed, f"shape_{index}_of_batch"))
    repeat_joined_constants(model, batch)
    repeat_flat_gathers(model, batch)
    set_first_dimension(model, batch)
    return model


def save(model, original, path):
    """External data is found beside the copy, as it was beside the original."""
    onnx.save(model, path)
    for tensor in model.graph.initializer:
        for entry in tensor.external_data:
            target = path.parent / entry.value
            if entry.key == "location" and not target.exists():
                shutil.copyfile(original.parent / entry.value, target)


def outputs_of(path, feeds):
    """ONNX Runtime's, without optimizations, which round quantised networks otherwise than their nodes say."""
    settings = onnxruntime.SessionOptions()
    settings.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    settings.log_severity_level = 4
    session = onnxruntime.InferenceSession(path, settings, providers=["CPUExecutionProvider"])
    return session.run(None, feeds)


def difference(found, expected):
    """The largest difference in units of the expected standard deviation."""
    if found.size != expected.size:
        return numpy.inf
    found, expected = found.ravel().astype("float64"), expected.ravel().astype("float64")
    return float(numpy.abs(found - expected).max() / (expected.std() or 1))


def gives_two_singles(path, feeds, expected):
    try:
        found = outputs_of(path, feeds)
    except Exception:  # shapes that do not fit: not these axes
        return False
    return all(difference(f, e) <= TOLERANCE for f, e in zip(found, expected))


@functools.lru_cache(maxsize=None)
def batch_axes(original, folder):
    """The axes for with_batch, found by trial; ValueError if no trial is right."""
    model = load(original)
    trial = folder / f"{original.stem}-trial.onnx"
    feeds = pictures(model, 2)
    save(with_batch(original, 1, {}), original, trial)
    try:
        singles = [outputs_of(trial, {name: both[k:k + 1] for name, both in feeds.items()}) for k in range(2)]
    except Exception as error:
        raise ValueError("ONNX Runtime, which checks other batches, does not run it") from error
    expected = [numpy.concatenate(pair) for pair in zip(*singles)]
    shapes = sorted(set(fixed_shapes(model).values()))
    trials = itertools.product(*(axes_of(shape) for shape in shapes))
    try:
        for chosen in itertools.islice(trials, MOST_TRIALS):
            axes = dict(zip(shapes, chosen))
            save(with_batch(original, 2, axes), original, trial)
            if gives_two_singles(trial, feeds, expected):
                return axes
    finally:
        trial.unlink()
    raise ValueError(f"its batch of 1 is fixed in a way that is not understood ({len(shapes)} constant shapes)")


def copy(path, batch, work):
    """The path of the copy."""
    original = pathlib.Path(path).resolve()
    name = f"{original.stem}-{hashlib.sha256(str(original).encode()).hexdigest()[:8]}"
    folder = pathlib.Path(work).resolve() / "networks" / name
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{original.stem}-{batch}.onnx"
    if not target.exists() or target.stat().st_mtime < original.stat().st_mtime:
        axes = batch_axes(original, folder) if batch > 1 else {}
        save(with_batch(original, batch, axes), original, target)
    return target
