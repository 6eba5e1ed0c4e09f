"""What reading a zip raises: zipfile's own errors, and those of the libraries that unpack its parts."""

from __future__ import annotations

import lzma
import zipfile
import zlib

ZIP_ERRORS = (
    zipfile.BadZipFile,
    NotImplementedError,  # a method of compression that zipfile does not know
    RuntimeError,  # a part with a password
    EOFError,
    OSError,
    ValueError,
    zlib.error,
    lzma.LZMAError,
)
