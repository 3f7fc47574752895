# Two commands do all the set-up: `make demo` and `make test`. CONTRIBUTING.md tells of the others.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CLIP ?=
HOURS ?= 24

.PHONY: help demo test lint test-runtime test-export test-slow test-timing test-bookworm camera-motion soak \
    test-cluster test-formats soak-follow soak-service recovery broker-restarts notification-outages notification-kills home-assistant bench-arm \
    camera-vm picamera-root boot-service system \
    clean

help:
	@echo "make demo          set edgevid up in $(VENV) and label a clip (CLIP=my.mp4 for your own)"
	@echo "make test          everything the tests need, then the tests"
	@echo "make check         of these, what needs no TensorFlow: lint, types, tests"
	@echo "make test-export   of these, the tests of the training side, with TensorFlow"
	@echo "make test-slow     the long forms of tests that have a short one"
	@echo "make test-formats  files as people export them, made and measured; hours"
	@echo "make test-cluster  the archive over a Ray cluster, and recordings in S3"
	@echo "make test-timing   comparisons of times, for an idle machine"
	@echo "make test-bookworm the runtime's tests with the NumPy and OpenCV of Pi OS Bookworm"
	@echo "make camera-motion train the bundled model again, from nothing"
	@echo "make soak          play HOURS=24 of frames through one stream, and watch what it holds"
	@echo "make soak-follow   HOURS=24 of people who come and go before one camera, and what it holds"
	@echo "make soak-service  two hours of the Raspberry Pi service in minutes, and what it holds"
	@echo "make recovery      fail a network camera 60 times, and see how soon it is back"
	@echo "make attack        damaged files, hostile cameras and requests, kills; about an hour"
	@echo "make bench-arm     count instructions a step on an emulated Raspberry Pi 4 and 5"
	@echo "make camera-vm     try a USB camera in an emulated machine (MODEL=file.tflite)"
	@echo "make picamera-root build a Debian in which picamera2 runs without a Pi"
	@echo "make broker-restarts stop and start an MQTT broker 20 times, and count the events"
	@echo "make notification-outages  the same for notifications"
	@echo "make notification-kills  kill the service 20 times while it notifies"
	@echo "make home-assistant  let a real Home Assistant discover the service, and see what it has"
	@echo "make boot-service  boot that Debian with the service in it, to events over MQTT"
	@echo "make coverage      the same tests, and which lines they run; fails below the floor"
	@echo "make check-wheel   build the wheel, and test that instead of the checkout"
	@echo "make check-wheel-arm  the same on an emulated Raspberry Pi, as far as QEMU can"
	@echo "make phone         build the page for phones in out/phone, and test it; needs Node.js"
	@echo "make docs          build the documentation in out/docs; fails on a broken link"
	@echo "make clean         take away what these made"

demo: $(VENV)/runtime
	$(BIN)/python -m edgevid.demo $(if $(CLIP),--clip "$(CLIP)")

# All parts run, whatever fails; at the end it says what failed, and after an interrupt what was
# not run.
PARTS := lint test-runtime test-export

test:
	@failed=""; left="$(PARTS)"; \
	trap 'echo "make test: interrupted; not run to the end:$$left" >&2; exit 130' INT TERM; \
	for part in $(PARTS); do \
	    $(MAKE) $$part || failed="$$failed $$part"; \
	    left="$${left#$$part}"; left="$${left# }"; \
	done; \
	if [ -n "$$failed" ]; then echo "make test: failed:$$failed" >&2; exit 1; fi; \
	echo "make test: all of it passed: $(PARTS)"

lint: $(VENV)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# One thread for linear algebra: several that wait for one another are slow where the processors are
# busy with something else.
test-runtime: $(VENV)/dev
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest

# The training side needs TensorFlow, 3 GB, in an environment of its own.
test-export: $(VENV)-train/train
	$(VENV)-train/bin/python -m pytest tests/export

# Those of the training side; the others are in test-cluster.
test-slow: $(VENV)-train/train
	$(VENV)-train/bin/python -m pytest -m slow tests/export

# All sizes, styles and formats, made by the Model Garden's own code; what is there already stays.
# Some of them: make test-formats GARDEN="--sizes a0 --activations relu6"
FORMATS := out/formats
GARDEN :=

test-formats: $(VENV)-train/train
	$(VENV)-train/bin/python -m benchmarks.exported.garden $(FORMATS) $(GARDEN)
	$(VENV)-train/bin/python -m benchmarks.formats $(FORMATS)/*.tflite \
	    --json benchmarks/reference/formats.json
	$(VENV)-train/bin/python -m benchmarks.readme

# Ray, and a server that speaks S3: 1 GB, in an environment of their own.
test-cluster: $(VENV)-cluster/cluster
	OPENBLAS_NUM_THREADS=1 $(VENV)-cluster/bin/python -m pytest -m slow tests/archive

# Comparisons of times, on an idle machine.
test-timing: $(VENV)/dev
	$(BIN)/python -m pytest -m timing

# What Pi OS Bookworm has: Debian's NumPy, and the last OpenCV that goes with it.
# The newest PyArrow wants NumPy 2; 23 does not.
BOOKWORM := "numpy==1.26.*" "opencv-python-headless==4.11.*" "pyarrow<24"

test-bookworm: $(VENV)-bookworm/dev
	$(VENV)-bookworm/bin/python -m pytest --ignore tests/export

# Goes on where it was interrupted; what is on the way is in out/camera-motion.
camera-motion: $(VENV)-train/train
	$(VENV)-train/bin/python -m export.camera_motion
	$(VENV)-train/bin/python -m export.camera_motion.demo

soak: $(VENV)/dev
	$(BIN)/python -m benchmarks.soak --steps $$(($(HOURS) * 3600 * 5))

soak-follow: $(VENV)/dev
	$(BIN)/python -m benchmarks.follow_soak --hours $(HOURS)

# The same for the whole service, in minutes; and for its cameras, failing in every way.
soak-service: $(VENV)/dev
	MALLOC_ARENA_MAX=2 $(BIN)/python -m benchmarks.service_soak

recovery: $(VENV)/dev
	$(BIN)/python -m benchmarks.recovery

# An ARM Python and its emulator, 500 MB, on Debian bookworm with gcc. The tests count as well when
# EDGEVID_ARM_ROOT is set.
EDGEVID_ARM_ROOT ?= out/arm

bench-arm: $(VENV)/runtime
	$(BIN)/python -m benchmarks.arm.sysroot "$(EDGEVID_ARM_ROOT)"
	$(BIN)/python -m benchmarks.arm --root "$(EDGEVID_ARM_ROOT)"

# Cameras for real where there is none: a machine whose kernel imitates a USB camera, and a Debian
# with picamera2 on libcamera's imitation (then: EDGEVID_PICAMERA_ROOT=out/picamera make test).
camera-vm: $(VENV)/dev
	benchmarks/usb_camera.sh out/vm $(abspath $(BIN)/python) "$(MODEL)"

picamera-root:
	$(SUDO) benchmarks/picamera/make_root.sh out/picamera

broker-restarts: $(VENV)/dev
	$(BIN)/python -m benchmarks.broker_restarts

notification-outages: $(VENV)/dev
	$(BIN)/python -m benchmarks.notification_outages

notification-kills: $(VENV)/dev
	$(BIN)/python -m benchmarks.notification_kills

# As root, on Debian: a root of the testing release, whose Python Home Assistant wants, 3 GB.
home-assistant: $(VENV)/dev
	$(MAKE) system PACKAGES=debootstrap
	benchmarks/home_assistant/make_root.sh out/home-assistant
	$(BIN)/python -m benchmarks.home_assistant out/home-assistant

# As root, with systemd-container.
boot-service: $(VENV)/dev
	$(MAKE) system PACKAGES=systemd-container
	$(BIN)/python -m benchmarks.boot out/picamera

# What pip cannot bring: on Debian and its kin it is installed, elsewhere it is taken to be there.
SYSTEM := python3-venv python3-tk
# Chromium, for the service's page. Ubuntu has a snap instead; without it those tests are skipped.
BROWSER := $(if $(filter ubuntu,$(shell . /etc/os-release 2>/dev/null && echo $$ID)),,chromium)
# The other browser that the page for phones is tested in.
FIREFOX := $(if $(BROWSER),firefox-esr)
# For the tests: a real RTSP server, a real MQTT broker, a screen, hands to press keys on it, a
# board to log in to.
SYSTEM_DEV := python3-gi gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-base \
    gstreamer1.0-plugins-good gstreamer1.0-plugins-ugly mosquitto openssh-client openssh-server \
    openssl strace xvfb xdotool $(BROWSER)
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)

system:
	@if ! command -v apt-get >/dev/null; then exit 0; fi; \
	missing=""; \
	for package in $(PACKAGES); do \
	    dpkg -l $$package $${package}t64 2>/dev/null | grep -q '^ii' || missing="$$missing $$package"; \
	done; \
	if [ -n "$$missing" ]; then \
	    echo "installing$$missing"; \
	    $(SUDO) apt-get update -q && \
	        $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends $$missing; \
	fi

$(VENV)/bin/python:
	$(MAKE) system PACKAGES="$(SYSTEM)"
	$(PYTHON) -m venv $(VENV)

$(VENV)/runtime: pyproject.toml | $(VENV)/bin/python
	$(BIN)/pip install --quiet --editable .
	touch $@

# From 25.1 on pip knows --group; Debian makes environments with an older one.
PIP := "pip>=25.1"

$(VENV)/dev: pyproject.toml | $(VENV)/bin/python
	$(MAKE) system PACKAGES="$(SYSTEM_DEV)"
	$(BIN)/python -m pip install --quiet $(PIP)
	$(BIN)/python -m pip install --quiet --editable . --group dev
	touch $@

$(VENV)-bookworm/dev: pyproject.toml
	$(MAKE) system PACKAGES="$(SYSTEM) $(SYSTEM_DEV)"
	$(PYTHON) -m venv $(VENV)-bookworm
	$(VENV)-bookworm/bin/python -m pip install --quiet $(PIP)
	$(VENV)-bookworm/bin/python -m pip install --quiet --editable . --group dev $(BOOKWORM)
	touch $@

$(VENV)-train/train: pyproject.toml
	$(MAKE) system PACKAGES="$(SYSTEM)"
	$(PYTHON) -m venv $(VENV)-train
	$(VENV)-train/bin/python -m pip install --quiet $(PIP)
	$(VENV)-train/bin/python -m pip install --quiet --editable . --group test --group train
	touch $@

$(VENV)-cluster/cluster: pyproject.toml
	$(MAKE) system PACKAGES="$(SYSTEM)"
	$(PYTHON) -m venv $(VENV)-cluster
	$(VENV)-cluster/bin/python -m pip install --quiet $(PIP)
	$(VENV)-cluster/bin/python -m pip install --quiet --editable . --group cluster
	touch $@

clean:
	rm -rf $(VENV) $(VENV)-train $(VENV)-docs $(VENV)-bookworm $(VENV)-cluster out

# Each campaign keeps what it found; docs/robustness.md shows it.
CAMPAIGNS := videos model_files cameras requests kills
.PHONY: attack

attack: $(VENV)/dev
	for campaign in $(CAMPAIGNS); do \
	    $(BIN)/python -m benchmarks.attack.$$campaign \
	        --json benchmarks/reference/attack_$$campaign.json || exit 1; \
	done
	$(BIN)/python -m benchmarks.readme

# For developers; CI runs these on every Python, `test` adds the training side.
.PHONY: check coverage wheel check-wheel check-wheel-arm docs

check: lint test-runtime

coverage: $(VENV)/dev
	$(BIN)/python -m pytest --cov --cov-report=term:skip-covered --cov-report=html:out/coverage

# In a copy that has no edgevid of its own, so that the installed one is imported. Without the tests
# of what is not in the wheel, and those that read the checkout's files.
WHEEL := out/wheel
NOT_IN_WHEEL := apps benchmarks export test_documents.py test_imports.py test_packaging.py

wheel: $(VENV)/bin/python
	rm -rf $(WHEEL) build  # which would bring modules back that are no more
	$(BIN)/pip wheel --quiet --no-deps --wheel-dir $(WHEEL) .
	$(BIN)/python -m venv $(WHEEL)/venv
	$(WHEEL)/venv/bin/python -m pip install --quiet $(PIP)
	$(WHEEL)/venv/bin/python -m pip install --quiet $(WHEEL)/*.whl --group dev
	mkdir $(WHEEL)/tree
	cp -r apps benchmarks examples pyproject.toml README.md tests $(WHEEL)/tree

check-wheel: $(VENV)/dev wheel
	cd $(WHEEL)/tree && ../venv/bin/python -m pytest $(addprefix --ignore=tests/,$(NOT_IN_WHEEL))

# On Debian bookworm with gcc, as bench-arm.
check-wheel-arm: wheel
	cd $(WHEEL)/tree && ../venv/bin/python -m benchmarks.arm.wheel ../*.whl \
	    --root "$(abspath $(EDGEVID_ARM_ROOT))"

# The page for phones: LiteRT.js from its lock file, types, tests in Chromium and Firefox, the site.
.PHONY: phone

phone: $(VENV)/dev
	@command -v npm >/dev/null || { echo "make phone needs Node.js 20 or later, with npm" >&2; exit 1; }
	$(MAKE) system PACKAGES="$(FIREFOX)"
	cd apps/phone && npm ci --no-audit --no-fund
	cd apps/phone && npm run --silent types
	$(BIN)/python -m pytest tests/apps/phone
	rm -rf out/phone
	$(BIN)/python -m apps.phone --write out/phone

docs: $(VENV)-docs/docs
	$(VENV)-docs/bin/sphinx-build --fail-on-warning --keep-going --fresh-env --quiet docs out/docs
	@echo "out/docs/index.html"

$(VENV)-docs/docs: pyproject.toml
	$(MAKE) system PACKAGES="$(SYSTEM)"
	$(PYTHON) -m venv $(VENV)-docs
	$(VENV)-docs/bin/python -m pip install --quiet $(PIP)
	$(VENV)-docs/bin/python -m pip install --quiet --editable . --group docs
	touch $@
