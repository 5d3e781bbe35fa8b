# Works with GNU make 3.81 (macOS) and later. PYTHON=/path/to/python chooses the interpreter.
PYTHON ?=
export PYTHON
# Convolutions through oneDNN. TensorFlow switches it on by itself only on some processors; on an AMD
# EPYC without AVX-512 it made the steps of two DCGANs about one and a half times as fast.
TF_ENABLE_ONEDNN_OPTS ?= 1
export TF_ENABLE_ONEDNN_OPTS
# It would say once in every process that it leaves whole numbers alone there.
TF_CPP_MIN_LOG_LEVEL ?= 3
export TF_CPP_MIN_LOG_LEVEL

VENV_PYTHON := .venv/bin/python
JUPYTER_BOOK := $(VENV_PYTHON) -c 'from jupyter_book.cli.main import main; main()'

.PHONY: help book test test-colab notebooks stale equivalent execute questions benchmark wheel \
    zip pdf gpu-check lock clean student key class-check figures

help:  ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "%-12s%s\n", $$1, $$2}' Makefile

book:  ## build the pages into _build/html (no TensorFlow needed)
	@sh tools/setup.sh book
	@echo "Building the pages"
	@$(JUPYTER_BOOK) build . --path-output . -q -n -W --keep-going
	@echo "The book is built. Open $(CURDIR)/_build/html/index.html"

test:  ## run all tests: the package, the pages, every notebook (quick profile)
	@sh tools/setup.sh all
	@$(VENV_PYTHON) -m pytest $(ARGS)

test-colab:  ## run every notebook alone on Colab's versions (ARGS="NAME..." to choose)
	@PYTHON= sh tools/setup.sh book  # .venv only drives: PYTHON chooses what is tested
	@$(VENV_PYTHON) -m tools.as_colab $(ARGS)

notebooks:  ## open the chapters in JupyterLab
	@sh tools/setup.sh all
	@$(VENV_PYTHON) -m jupyter lab --LabApp.default_url=/lab/tree/notebooks

student:  ## the notebooks without solutions, for a class, into _build/student
	@sh tools/setup.sh book
	@$(VENV_PYTHON) -m tools.editions student

key:  ## the notebooks with all solutions open, for a teacher, into _build/key
	@sh tools/setup.sh book
	@$(VENV_PYTHON) -m tools.editions key

stale:  ## list the results whose stamps no longer hold, why, and how long a run took
	@sh tools/setup.sh all
	@$(VENV_PYTHON) -m tools.stale

equivalent:  ## prove that changed code makes the same results, without running all of it (ARGS="NAME...")
	@sh tools/setup.sh all
	@$(VENV_PYTHON) -m tools.convert_cifar10
	@$(VENV_PYTHON) -m tools.equivalent $(ARGS)

execute:  ## re-run stale notebooks in full and stamp them (ARGS="NAME... --force" to choose)
	@sh tools/setup.sh all
	@$(VENV_PYTHON) -m tools.convert_cifar10
	@$(VENV_PYTHON) -m tools.execute $(ARGS)

questions:  ## write the questions where they are asked, and a file for Moodle into _build/questions
	@sh tools/setup.sh book
	@$(VENV_PYTHON) -m tools.questions

benchmark: book  ## measure speed, time to quality and the pages into benchmarks/RESULTS.md (8 minutes)
	@sh tools/setup.sh all
	@$(VENV_PYTHON) -m benchmarks.benchmark
	@$(VENV_PYTHON) -m benchmarks.pages

wheel:  ## the package as one file, dist/gan_utils-….whl, to upload to Colab beside a notebook
	@sh tools/setup.sh book
	@$(VENV_PYTHON) -m tools.build_wheel

zip: book  ## the built pages as one file, for a stick or a class without internet
	@$(VENV_PYTHON) -c "import shutil; print(shutil.make_archive('_build/gans-you-can-run', 'zip', '_build/html'))"

pdf: book  ## the whole book as a PDF, printed by the Chromium or Chrome of this machine
	@sh tools/setup.sh all
	@$(VENV_PYTHON) -m tools.pdf

class-check:  ## can a class be held on this machine? (1 to 2 minutes; ARGS=--download fetches MNIST)
	@python="$(VENV_PYTHON)"; [ -x "$$python" ] || python="$${PYTHON:-$$(command -v python3 || echo python)}"; \
	    "$$python" -m tools.class_check $(ARGS)

figures:  ## every figure and film as files for slides, with captions and licences, in _build/figures
	@sh tools/setup.sh all
	@$(VENV_PYTHON) -m tools.figures

gpu-check:  ## what your GPU is worth: device, speed against the CPU, all chapters on it (quick profile)
	@sh tools/setup.sh all
	@# A GPU that is not found explains itself in TensorFlow's errors.
	@TF_CPP_MIN_LOG_LEVEL=2 $(VENV_PYTHON) -m tools.gpu_check

lock:  ## resolve constraints.txt anew (needs uv)
	@command -v uv >/dev/null || { echo "make lock needs uv: https://docs.astral.sh/uv/" >&2; exit 1; }
	grep -hv '^[-#]' requirements-book.txt requirements.txt | uv pip compile --universal \
	    --python-version 3.11 --upgrade --no-annotate --no-emit-index-url --no-emit-find-links \
	    --custom-compile-command "make lock" --quiet --output-file constraints.txt - >/dev/null

clean:  ## delete what was built (not .venv*, not your runs)
	rm -rf _build build dist *.egg-info .ruff_cache
	find . -name __pycache__ -not -path './.venv*' -prune -exec rm -rf {} +
