"""The part of libclarus that measuring needs, through its public interface (include/clarus.h)."""
import ctypes
from ctypes import byref, c_double, c_int, c_int64, c_size_t, c_uint64, c_void_p

import numpy

DTYPES = {"float32": 1, "float16": 10}
PREPROCESS_ROOM = 1024  # bytes; clarus_preprocess is smaller, and only the library looks into it


class Error(ctypes.Structure):
    _fields_ = [("status", c_int), ("message", ctypes.c_char * 1024)]


class Library:
    """do("session_run", ...) calls clarus_session_run and raises where it fails; make() returns what a function makes
    through its last pointer."""

    def __init__(self, path):
        self.functions = ctypes.CDLL(path)
        for name, result in {"session_macs": c_uint64, "tensor_const_data": c_void_p, "tensor_count": c_size_t,
                             "model_output_count": c_size_t}.items():
            getattr(self.functions, f"clarus_{name}").restype = result

    def get(self, name, *arguments):
        return getattr(self.functions, f"clarus_{name}")(*arguments)

    def do(self, name, *arguments):
        error = Error()
        if self.get(name, *arguments, byref(error)):
            raise RuntimeError(error.message.decode())

    def make(self, name, *arguments):
        made = c_void_p()
        self.do(name, *arguments, byref(made))
        return made


class Device:
    """The device that the environment asks for, with CLARUS_THREADS threads."""

    def __init__(self, library):
        self.clarus = Library(library)
        self.context = self.clarus.make("context_create", None)
        self.device = self.clarus.make("device_open", self.context, None)

    def peak(self):
        gflops = c_double()
        self.clarus.do("device_peak", self.device, byref(gflops))
        return gflops.value


class Session(Device):
    """A model whose shapes are fixed, run on the same inputs again and again."""

    def __init__(self, library, model, feeds):
        super().__init__(library)
        self.model = self.clarus.make("model_load", self.context, str(model).encode())
        self.session = self.clarus.make("session_create", self.context, self.device, self.model, None)
        self.macs = self.clarus.get("session_macs", self.session)
        self.arrays = [numpy.ascontiguousarray(array) for array in feeds.values()]
        self.inputs = (c_void_p * len(self.arrays))(*(self.view(array).value for array in self.arrays))
        self.outputs = (c_void_p * self.clarus.get("model_output_count", self.model))()

    def view(self, array):
        shape = (c_int64 * array.ndim)(*array.shape)
        return self.clarus.make("tensor_view", self.context, DTYPES[array.dtype.name], c_size_t(array.ndim), shape,
                                c_void_p(array.ctypes.data), c_size_t(array.nbytes))

    def run(self):
        for output in self.outputs:
            self.clarus.get("tensor_free", c_void_p(output))
        self.clarus.do("session_run", self.session, self.inputs, c_size_t(len(self.inputs)), self.outputs,
                       c_size_t(len(self.outputs)))

    def result(self):
        """The last run's first output, float32."""
        output = c_void_p(self.outputs[0])
        count = self.clarus.get("tensor_count", output)
        data = ctypes.string_at(self.clarus.get("tensor_const_data", output), count * 4)
        return numpy.frombuffer(data, "float32")


class Pictures(Device):
    """Decoding and preparing for a model that takes pictures of `side` x `side`, without computing."""

    def __init__(self, library, model, side):
        super().__init__(library)
        self.side = c_size_t(side)
        self.preprocess = ctypes.create_string_buffer(PREPROCESS_ROOM)
        loaded = self.clarus.make("model_load", self.context, str(model).encode())
        self.clarus.do("classify_preprocess", loaded, self.preprocess)
        self.clarus.get("model_free", loaded)

    def prepare(self, path):
        values = numpy.empty(3 * self.side.value**2, "float32")
        image = self.clarus.make("image_load", self.context, str(path).encode(), None)
        try:
            self.clarus.do("image_prepare", self.context, image, self.preprocess, self.side, self.side,
                           c_void_p(values.ctypes.data), c_size_t(values.size))
        finally:
            self.clarus.get("image_free", image)
