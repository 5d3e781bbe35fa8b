"""Build the package as one file, dist/gan_utils-VERSION-py3-none-any.whl.

    python -m tools.build_wheel

It holds the code, the trained weights and the results of experiments: all that a chapter needs
besides its notebook, in Colab or wherever there is no clone of the repository.
"""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def build(root: Path = ROOT) -> Path:
    """Build the wheel in place of older ones and return its path.

    Raises:
        subprocess.CalledProcessError: pip failed; it has said why.
    """
    shutil.rmtree(root / "build", ignore_errors=True)  # what setuptools left there would go in too
    for old in root.glob("dist/gan_utils-*.whl"):
        old.unlink()
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
    subprocess.run([*command, "--wheel-dir", root / "dist", root], check=True)
    shutil.rmtree(root / "build", ignore_errors=True)
    (wheel,) = root.glob("dist/gan_utils-*.whl")
    return wheel


if __name__ == "__main__":
    try:
        path = build()
    except subprocess.CalledProcessError:
        sys.exit("The package was not built: see what pip says above.")
    size = path.stat().st_size / 1e6
    print(f"Built {path.relative_to(ROOT)} ({size:.1f} MB). In Colab upload it beside a notebook.")
