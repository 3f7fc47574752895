"""The engines that a user might take instead of edgevid, each driven by a small loop of its own.

``benchmarks.compare`` starts ``worker.py`` in each engine's own environment. The modules named
after engines import nothing of edgevid, only numpy and their engine; ``twin.py`` and ``plan.py``
make for them, in edgevid's environment, the files that they read.
"""
