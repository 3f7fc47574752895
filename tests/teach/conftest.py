from __future__ import annotations

import numpy as np
import pytest

from edgevid.modelfile.head import Head
from edgevid.modelfile.manifest import EventRules
from edgevid.prepare import prepare
from edgevid.teach import taught
from tests.prepare.mini_movinet import CHANNELS, LABELS, mini_movinet

RULES = EventRules(0.8, 0.4, min_duration=0.0, by_label={"wave": EventRules(0.6, 0.2, 0.0, 0.0)})


@pytest.fixture(scope="session")
def prepared() -> bytes:
    """A network in miniature, prepared; no causal pool but that of its head, as MoViNet-A0."""
    return prepare(mini_movinet(int8=True, se=False), name="mini", labels=LABELS).data


@pytest.fixture(scope="session")
def head() -> Head:
    rng = np.random.default_rng(0)
    return Head(
        (1, 4),
        rng.normal(size=(2, 2 * CHANNELS)).astype(np.float32),
        np.array([0.5, -3.0], np.float32),
    )


@pytest.fixture(scope="session")
def waving(prepared: bytes, head: Head) -> bytes:
    """A taught file: two labels that exclude each other not."""
    return taught(prepared, head, name="waving", labels=("wave", "fall"), events=RULES)
