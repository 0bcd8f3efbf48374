#!/usr/bin/env python3
"""Files of NumPy arrays, for reading and for byte comparison.

    python3 Tools/oracle/foreign_numpy.py [OUTPUT_FOLDER]          (default Fixtures/numpy)

Made with numpy 2.4.6, ml_dtypes 0.6.0 and safetensors 0.8.0 (Tools/requirements/a.txt).

  values.safetensors        the arrays of all other files, by name
  savez.npz                 an array of every element type, names with slashes, dots and non-ASCII letters, a scalar,
                            empty arrays, six dimensions: as numpy.savez writes them
  savez_compressed.npz      the same, as numpy.savez_compressed writes them
  fortran.npz               arrays in Fortran order
  big_endian.npz            big-endian arrays, one of them in Fortran order as well
  bfloat16.npz              of ml_dtypes, whose type NumPy loses
  version2.npy, version3.npy, matrix.npy
                            the array `matrix`, with headers of version 2, 3 and 1
  python2.npy               as matrix.npy, the header as Python 2 wrote it: double quotes, another order of the keys,
                            integers with an L
  mixed.npz                 an array and a member that is none
  objects.npy, text.npy, records.npy, complex128.npy
                            what no tensor holds
"""

import ctypes
import pathlib
import struct
import sys
import zipfile

import ml_dtypes
import numpy as np
from numpy.lib import format as npy
from safetensors import TensorSpec, serialize

OUT = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parents[2] / "Fixtures/numpy"
TYPES = {
    "?": "bool", "i1": "int8", "u1": "uint8", "i2": "int16", "u2": "uint16", "i4": "int32", "u4": "uint32",
    "i8": "int64", "u8": "uint64", "f2": "float16", "f4": "float32", "f8": "float64", "c8": "complex64",
}  # fmt: skip
values = {}


def array(code, *shape):
    """Different numbers in every place, whose bytes all differ too where the type has room for that."""
    count = int(np.prod(shape))
    if code == "?":
        data = np.arange(count) % 3 == 0
    elif code == "c8":
        data = (np.arange(count) * 1.37 - 5) + 1j * (np.arange(count) * 0.71 + 2)
    elif code[0] == "f":
        data = np.arange(count) * 1.37 - 5
    else:
        data = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x0123456789ABCDEF)
    return data.astype(code, casting="unsafe").reshape(shape)


def keep(name, data):
    assert name not in values
    values[name] = data
    return data


def savez(name, arrays, save=np.savez):
    save(OUT / name, **arrays)


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    arrays = {code.replace("?", "b1"): array(code, 2, 3) for code in TYPES}
    arrays["bert/encoder/layer_0/kernel.weight"] = array("f4", 3, 5)
    arrays["größe"] = array("i2", 4)
    arrays["scalar"] = array("f4")
    arrays["empty"] = array("f4", 0)
    arrays["empty rows"] = array("i8", 3, 0, 2)
    arrays["six"] = array("u1", 1, 2, 3, 1, 2, 2)
    for name, data in arrays.items():
        keep(name, data)
    savez("savez.npz", arrays)
    savez("savez_compressed.npz", arrays, np.savez_compressed)

    fortran = {f"fortran {code}".replace("?", "b1"): array(code, 4, 3) for code in TYPES}
    fortran["fortran cube"] = array("f4", 2, 3, 4)
    fortran["fortran empty"] = array("f4", 0, 3)
    fortran["fortran row"] = array("f4", 1, 5)
    savez("fortran.npz", {name: np.asfortranarray(keep(name, data)) for name, data in fortran.items()})

    big = {f"big {code}": array(code, 3, 2) for code in TYPES if code not in ("?", "i1", "u1")}
    big["big scalar"] = array("f8")
    swapped = {name: keep(name, data).astype(data.dtype.newbyteorder(">")) for name, data in big.items()}
    swapped["big fortran"] = np.asfortranarray(keep("big fortran", array("c8", 3, 4)).astype(">c8"))
    savez("big_endian.npz", swapped)

    brain = {"bf": array("f4", 3, 2).astype(ml_dtypes.bfloat16), "bf fortran": array("f4", 2, 3).astype(ml_dtypes.bfloat16)}
    for name, data in brain.items():
        keep(name, data)
    savez("bfloat16.npz", {"bf": brain["bf"], "bf fortran": np.asfortranarray(brain["bf fortran"])})

    matrix = keep("matrix", array("f4", 3, 4))
    np.save(OUT / "matrix.npy", matrix)
    for major in (2, 3):
        with open(OUT / f"version{major}.npy", "wb") as file:
            npy.write_array(file, matrix, version=(major, 0))
    header = b"{\"shape\": (3L, 4L),'fortran_order': False, 'descr': '<f4'}"
    header += b" " * (117 - len(header)) + b"\n"
    (OUT / "python2.npy").write_bytes(npy.magic(1, 0) + struct.pack("<H", len(header)) + header + matrix.tobytes())

    np.savez(OUT / "mixed.npz", w=matrix)
    with zipfile.ZipFile(OUT / "mixed.npz", "a") as archive:
        archive.writestr(zipfile.ZipInfo("config.json"), "{}")
        archive.writestr(zipfile.ZipInfo("folder/"), "")
    np.save(OUT / "objects.npy", np.array([None, {}], dtype=object))
    np.save(OUT / "text.npy", np.array(["setosa", "virginica"]))
    np.save(OUT / "records.npy", np.zeros(2, dtype=[("a", "<f4"), ("b", "<i8")]))
    np.save(OUT / "complex128.npy", np.zeros(2, dtype="c16"))

    keep_alive, specs = [], {}
    for name, data in values.items():
        raw = np.ascontiguousarray(data).tobytes()
        keep_alive.append(ctypes.create_string_buffer(raw, max(1, len(raw))))
        specs[name] = TensorSpec(
            dtype=str(data.dtype), shape=list(data.shape), data_ptr=ctypes.addressof(keep_alive[-1]), data_len=len(raw)
        )
    (OUT / "values.safetensors").write_bytes(serialize(specs, {"format": "np"}))


main()
