#!/usr/bin/env python3
"""Zip files as different programs write them, for the reader of zip files.

    python3 Tools/oracle/foreign_zip.py [OUTPUT_FOLDER]          (default Fixtures/zip)

Made with Python 3.11 (zipfile), Info-ZIP zip 3.0 and torch 2.15.0 (Tools/requirements/a.txt).

Every file but `torch.zip` and `empty.zip` holds the entries `a`, `bé` and `dir/c` with 1100 bytes each: `hello world` a
hundred times. Their names say who wrote them, and:

  stored, deflated     the method
  zip64                sizes in 64 bits although they would fit
  stream               written to what cannot seek: sizes and checksums follow the data in descriptors

  python_comment       with a comment, and a folder `d/` as a fourth entry
  empty                no entry: `np.savez` without arrays
  torch.zip            `torch.save`: data descriptors, versions of zero, the date 1980-00-00, zip64 end records
"""

import io
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import zipfile

import numpy as np
import torch

OUT = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parents[2] / "Fixtures/zip"
NAMES = ["a", "bé", "dir/c"]
DATA = b"hello world" * 100


class Pipe(io.RawIOBase):
    def __init__(self, file):
        self.file = file

    def writable(self):
        return True

    def seekable(self):
        return False

    def write(self, data):
        return self.file.write(data)


def python(path, method, zip64, stream):
    with open(path, "wb") as file, zipfile.ZipFile(Pipe(file) if stream else file, "w", method) as archive:
        for name in NAMES:
            info = zipfile.ZipInfo(name)
            info.compress_type = method
            with archive.open(info, "w", force_zip64=zip64) as entry:
                entry.write(DATA)


def info_zip(path, *options, stream=False):
    environment = dict(os.environ, TZ="UTC", LC_ALL="C.UTF-8")
    with tempfile.TemporaryDirectory() as folder:
        for name in NAMES:
            file = pathlib.Path(folder, name)
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(DATA)
            os.utime(file, (1e9, 1e9))
        command = ["zip", "-q", "-X", *options, "-" if stream else "out.zip", *NAMES]
        result = subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.PIPE)
        if stream:
            # Into a pipe, so that it cannot seek.
            path.write_bytes(result.stdout)
        else:
            shutil.copyfile(pathlib.Path(folder, "out.zip"), path)


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    for method, word in ((zipfile.ZIP_STORED, "stored"), (zipfile.ZIP_DEFLATED, "deflated")):
        for zip64 in (False, True):
            for stream in (False, True):
                name = f"python_{word}{'_zip64' * zip64}{'_stream' * stream}.zip"
                python(OUT / name, method, zip64, stream)
    info_zip(OUT / "infozip_deflated.zip")
    info_zip(OUT / "infozip_stored.zip", "-0")
    info_zip(OUT / "infozip_deflated_zip64.zip", "-fz")
    info_zip(OUT / "infozip_deflated_stream.zip", stream=True)
    info_zip(OUT / "infozip_stored_descriptors.zip", "-0", "-fd")
    with zipfile.ZipFile(OUT / "python_comment.zip", "w") as archive:
        for name in NAMES:
            archive.writestr(zipfile.ZipInfo(name), DATA)
        archive.writestr(zipfile.ZipInfo("d/"), b"")
        archive.comment = "a comment, with PK in it".encode()
    np.savez(OUT / "empty.npz")
    (OUT / "empty.npz").rename(OUT / "empty.zip")
    file = io.BytesIO()
    torch.save({"weight": torch.arange(6.0).reshape(2, 3), "empty": torch.zeros(0)}, file)
    (OUT / "torch.zip").write_bytes(file.getvalue())


main()
