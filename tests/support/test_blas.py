from __future__ import annotations

import sys

import numpy as np
import pytest

from edgevid.support import blas


@pytest.mark.skipif(sys.platform != "linux", reason="the libraries are found in /proc")
def test_one_thread_and_then_as_before() -> None:
    libraries = blas.loaded()
    if not libraries:
        pytest.skip("numpy here has no OpenBLAS")
    before = [blas.threads(library) for library in libraries]
    try:
        for library in libraries:
            blas.set_threads(library, 2)
        two = [blas.threads(library) for library in libraries]  # 1 where it was built for one
        with blas.one_thread():
            assert [blas.threads(library) for library in libraries] == [1] * len(libraries)
        assert [blas.threads(library) for library in libraries] == two
        with pytest.raises(ZeroDivisionError), blas.one_thread():
            raise ZeroDivisionError
        assert [blas.threads(library) for library in libraries] == two
    finally:
        for library, count in zip(libraries, before, strict=True):
            blas.set_threads(library, count)


def test_without_openblas_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blas, "loaded", list)
    with blas.one_thread():
        assert float(np.linalg.det(np.eye(3))) == 1.0
