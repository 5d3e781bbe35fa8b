#!/bin/sh
# sh tools/setup.sh book|all
#
# Make .venv with a fit Python and install requirements-book.txt (book) or the complete set (all),
# unless that is done already. PYTHON=/path/to/python chooses the interpreter.
set -eu
cd "$(dirname "$0")/.."
set_name=$1
fit='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))'
version='import sys; print("%d.%d" % sys.version_info[:2])'

# Set $python to an interpreter that can make the environment, or $no_venv to one that nearly can.
find_python() {
    if [ -n "${PYTHON:-}" ]; then
        set -- "$PYTHON"
    else
        set -- python3.13 python3.12 python3.11 python3 python
    fi
    python='' no_venv=''
    for candidate in "$@"; do
        "$candidate" -c "$fit" >/dev/null 2>&1 || continue
        if "$candidate" -c 'import ensurepip, venv' 2>/dev/null; then
            python=$candidate
            return
        fi
        no_venv=${no_venv:-$candidate}
    done
}

explain() {
    if [ -n "$no_venv" ]; then
        echo "$no_venv cannot make a virtual environment: its venv or ensurepip module is missing."
        echo "On Debian and Ubuntu: sudo apt install python$("$no_venv" -c "$version")-venv"
    elif [ -n "${PYTHON:-}" ]; then
        echo "PYTHON=$PYTHON does not run a Python from 3.11 to 3.13."
    else
        echo "This book needs a Python from 3.11 to 3.13, and none was found. To install one:"
        echo "  Debian, Ubuntu   sudo apt install python3.12 python3.12-venv   (or 3.11, 3.13)"
        echo "  macOS            brew install python@3.12"
        echo "  anywhere         https://www.python.org/downloads/"
        echo "Then run the same command again, or name it: make book PYTHON=/path/to/python"
    fi
}

# True if .venv works (its interpreter may have gone) and is of the version that PYTHON asks for.
venv_is_fit() {
    .venv/bin/python -c "$fit" 2>/dev/null && .venv/bin/python -c 'import pip' 2>/dev/null || return 1
    [ -z "${PYTHON:-}" ] || [ "$("$PYTHON" -c "$version" 2>/dev/null)" = "$(.venv/bin/python -c "$version")" ]
}

# What an installation depends on: if these files change or the folder moves, install again.
wanted() {
    pwd
    cat constraints.txt requirements-book.txt
    [ "$1" = book ] || cat requirements.txt pyproject.toml
}

if ! venv_is_fit; then
    find_python
    if [ -z "$python" ]; then
        explain >&2
        exit 1
    fi
    [ ! -e .venv ] || echo "The environment in .venv does not work, or is not of the Python asked for: making it again."
    echo "Making the environment .venv with $("$python" --version) ($(command -v "$python"))"
    "$python" -m venv --clear .venv
fi

if ! wanted "$set_name" | cmp -s - ".venv/installed-$set_name"; then
    case $set_name in
        book) file=requirements-book.txt; size="about 120 MB to download the first time" ;;
        *) file=requirements.txt; size="with TensorFlow, about 900 MB to download the first time" ;;
    esac
    echo "Installing $file into .venv ($size)"
    # Python compiles the modules that are used, when they are. Where it must not keep that, as in
    # many containers, each process would compile TensorFlow anew: then all is compiled here.
    compile=--no-compile
    [ -z "${PYTHONDONTWRITEBYTECODE:-}" ] || compile=--compile
    .venv/bin/python -m pip install --quiet $compile --disable-pip-version-check -r "$file"
    wanted book >.venv/installed-book
    [ "$set_name" = book ] || wanted all >.venv/installed-all
fi
