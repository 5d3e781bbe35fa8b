"""Data sets, and every way in which they can be missing or wrong."""

import contextlib
import gzip
import hashlib
import http.server
import io
import os
import re
import struct
import subprocess
import sys
import tarfile
import tempfile
import textwrap
import threading
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from gan_utils import data, fetch, files, standins
from tools import convert_cifar10


def idx_bytes(array):
    return (
        b"\x00\x00\x08"
        + struct.pack(f">B{array.ndim}I", array.ndim, *array.shape)
        + array.tobytes()
    )


SMALL = {  # a tiny data set in MNIST's format
    "train-images-idx3-ubyte": np.arange(12 * 28 * 28).astype(np.uint8).reshape(12, 28, 28),
    "train-labels-idx1-ubyte": np.arange(12, dtype=np.uint8) % 10,
    "t10k-images-idx3-ubyte": np.arange(4 * 28 * 28).astype(np.uint8).reshape(4, 28, 28),
    "t10k-labels-idx1-ubyte": np.arange(4, dtype=np.uint8),
}
SMALL_FILES = {n: hashlib.sha256(idx_bytes(a)).hexdigest() for n, a in SMALL.items()}


def write_small(folder):
    folder.mkdir(parents=True)
    for name, array in SMALL.items():
        (folder / f"{name}.gz").write_bytes(gzip.compress(idx_bytes(array)))


# A tiny CIFAR-10: batches of 20, so that there are 10 images of each class to train on, 2 to test.
RECORDS = np.random.default_rng(0).integers(0, 256, (6, 20, 3073), dtype=np.uint8)
RECORDS[:, :, 0] = np.arange(20) % 10
BATCHES = [f"data_batch_{i}.bin" for i in range(1, 6)] + ["test_batch.bin"]
PUBLISHED, JPEG = files.CIFAR10_FILE, "cifar10_jpeg.zip"


def write_archive(path, members=None):
    """Write the tiny CIFAR-10 as published, some members with other contents or (None) not."""
    contents = {name: batch.tobytes() for name, batch in zip(BATCHES, RECORDS, strict=True)}
    path.parent.mkdir(parents=True, exist_ok=True)
    # mtime=0: written twice, the archive is to have the same hash
    with (
        gzip.GzipFile(path, "wb", mtime=0) as file,
        tarfile.open(fileobj=file, mode="w") as archive,
    ):
        for name, content in (contents | {"readme.html": b"hello"} | (members or {})).items():
            if content is not None:
                info = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    return path


A_COPY = {files.CIFAR10_COPY: b"a JPEG copy, lossy"}


def jpeg(colour, size=(32, 32), mode="RGB", form="JPEG"):
    picture = io.BytesIO()
    Image.new(mode, size, colour).save(picture, form)
    return picture.getvalue()


def write_jpegs(path, members=None):
    """Write the tiny CIFAR-10 as JPEG images; the class and the number are in the colour."""
    path.parent.mkdir(parents=True, exist_ok=True)
    contents = {
        f"{part}/{name}/{i:04d}.jpg": jpeg((20 * label, 10 * i, 0))
        for part, count in (("test", 2), ("train", 10))
        for label, name in enumerate(files.CIFAR10_CLASSES)
        for i in range(count)
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in (contents | (members or {})).items():
            if content is not None:
                archive.writestr(name, content)
    return path


@pytest.fixture
def nowhere(monkeypatch, tmp_path):
    """No data folder, an empty cache, the sizes and hashes of the tiny data sets."""
    monkeypatch.delenv("GAN_UTILS_DATA", raising=False)
    monkeypatch.setattr(fetch, "cache_folder", lambda: tmp_path / "cache")
    monkeypatch.setattr(files, "MNIST_FILES", SMALL_FILES)
    monkeypatch.setattr(files, "CIFAR10_BATCH", 20)
    published = write_archive(tmp_path / "published" / PUBLISHED).read_bytes()
    monkeypatch.setattr(files, "CIFAR10_SHA256", hashlib.sha256(published).hexdigest())
    return tmp_path


@pytest.fixture
def server(tmp_path):
    """A local mirror. Paths under /html/ give a web page with status 200, as captive portals do."""
    write_small(tmp_path / "www" / "mnist")
    if (tmp_path / "published").exists():  # written by nowhere
        (tmp_path / "published").rename(tmp_path / "www" / "cifar10")
    served = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=tmp_path / "www")

        def do_GET(self):
            served.append(self.path)
            if httpd.together:  # the first requests of two processes wait for each other
                with contextlib.suppress(threading.BrokenBarrierError):
                    httpd.together.wait(timeout=60)
            if self.path.startswith("/html/"):
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"<!doctype html><title>Please log in</title>")
            else:
                super().do_GET()

        def log_message(self, *args):
            pass

    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    httpd.url, httpd.served = f"http://127.0.0.1:{httpd.server_port}/", served
    httpd.together = None
    yield httpd
    httpd.shutdown()
    httpd.server_close()


def files_in(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


# --- what there is --------------------------------------------------------------------------


def test_unknown_name_lists_those_there_are():
    with pytest.raises(
        ValueError, match="'minst'. There are: cifar10, digits, grid, mnist, ring, shapes, uniform"
    ):
        data.load("minst")


def test_digits_look_like_mnist():
    digits = data.load("digits")
    assert digits.images.shape == (1500, 28, 28, 1) and digits.images.dtype == np.uint8
    assert digits.test_images.shape == (297, 28, 28, 1) and len(digits.test_labels) == 297
    assert digits.images.max() > 200 and digits.images[:, :4].max() == 0, "a dark frame of 4 px"
    assert set(digits.labels) == set(range(10))


def test_results_of_an_experiment():
    row = data.load_results("digit_classifier.csv")[0]
    assert row["images"] == "MNIST test" and row["test_accuracy"] >= 0.992
    for name in ("digit_classifier", "nothing.csv"):
        with pytest.raises(FileNotFoundError, match="There are: .*digit_classifier.csv"):
            data.load_results(name)


def test_uniform_is_uniform():
    points = data.load("uniform").points
    assert points.shape == (1_000_000, 2) and points.dtype == np.float32
    counts, _, _ = np.histogram2d(*points.T, bins=10, range=[[0, 1], [0, 1]])
    assert abs(counts - 10_000).max() < 5 * 100  # 5 standard deviations
    np.testing.assert_array_equal(points[:3], data.load("uniform").points[:3])


@pytest.mark.parametrize(("name", "count", "sigma"), [("ring", 8, 0.01), ("grid", 25, 0.05)])
def test_mixtures_have_their_moments(name, count, sigma):
    centres, stated = standins.mixture_modes(name)
    points = data.load(name).points
    assert centres.shape == (count, 2) and centres.dtype == np.float64 and stated == sigma
    assert points.shape == (100_000, 2) and points.dtype == np.float32
    nearest = ((points[:, None] - centres) ** 2).sum(-1).argmin(1)
    n = len(points) / count
    assert abs(np.bincount(nearest) - n).max() < 5 * np.sqrt(n)
    for k, centre in enumerate(centres):
        around = points[nearest == k] - centre
        assert abs(around.mean(0)).max() < 5 * sigma / np.sqrt(n)
        covariance = np.cov(around, rowvar=False) / sigma**2
        np.testing.assert_allclose(covariance, np.eye(2), atol=5 * np.sqrt(2 / n))
    np.testing.assert_array_equal(points, data.load(name).points)


def test_mixture_modes():
    ring, grid = standins.mixture_modes("ring")[0], standins.mixture_modes("grid")[0]
    np.testing.assert_allclose(np.linalg.norm(ring, axis=1), 1)
    # Eight different directions: with the end point included, the first would be there twice.
    turns = np.unwrap(np.arctan2(ring[:, 1], ring[:, 0]))
    np.testing.assert_allclose(np.diff(turns), np.pi / 4)
    assert {tuple(c) for c in grid} == {(x, y) for x in range(-4, 5, 2) for y in range(-4, 5, 2)}
    with pytest.raises(ValueError, match="'spiral'. There are: grid, ring"):
        standins.mixture_modes("spiral")


def test_shapes():
    shapes = data.load("shapes")
    assert shapes.images.shape == (2000, 32, 32, 3) and shapes.images.dtype == np.uint8
    assert shapes.test_images.shape == (500, 32, 32, 3) and shapes.labels.dtype == np.uint8
    assert np.bincount(shapes.labels).tolist() == [200] * 10
    assert np.bincount(shapes.test_labels).tolist() == [50] * 10
    for array, again in zip(shapes[1:5], data.load("shapes")[1:5], strict=True):
        np.testing.assert_array_equal(array, again)
    # In colour, and with soft edges: more than the two colours of shape and ground.
    assert (np.ptp(shapes.images.astype(int), axis=3) > 20).any(axis=(1, 2)).mean() > 0.95
    assert min(len(np.unique(im.reshape(-1, 3), axis=0)) for im in shapes.images[:200]) > 3


def test_shapes_can_be_told_apart():
    """By where they differ from the colour of the first corner, whatever the colours are."""
    from sklearn.neighbors import KNeighborsClassifier

    def silhouettes(images):
        images = images.astype(float)
        difference = abs(images - images[:, :1, :1]).sum(-1)
        masks = difference / difference.max(axis=(1, 2), keepdims=True)
        rows, columns = np.indices((32, 32))
        weight = masks / masks.sum(axis=(1, 2), keepdims=True)
        shifts = 16 - np.stack([(weight * axis).sum((1, 2)) for axis in (rows, columns)], 1)
        shifts = np.rint(shifts).astype(int)
        moved = [np.roll(m, s, (0, 1)) for m, s in zip(masks, shifts, strict=True)]
        return np.reshape(moved, (len(images), -1))

    shapes = data.load("shapes")
    train, test = silhouettes(shapes.images), silhouettes(shapes.test_images)
    fit = KNeighborsClassifier(3).fit(train, shapes.labels)
    assert fit.score(test, shapes.test_labels) > 0.9
    means = np.stack([train[shapes.labels == k].mean(0) for k in range(10)])
    distances = np.linalg.norm(means[:, None] - means, axis=-1)
    assert distances[~np.eye(10, dtype=bool)].min() > 2


def test_real_cifar10():
    cifar10 = data.load("cifar10")
    if cifar10.note.startswith("Stand-in"):
        pytest.skip("the real CIFAR-10 is not on this machine")
    assert cifar10.images.shape == (50_000, 32, 32, 3) and cifar10.images.dtype == np.uint8
    assert cifar10.test_images.shape == (10_000, 32, 32, 3)
    assert np.bincount(cifar10.labels).tolist() == [5000] * 10
    assert np.bincount(cifar10.test_labels).tolist() == [1000] * 10
    assert set(cifar10.test_labels[:100]) == set(range(10)), "no class waits for the end"
    mean = cifar10.images.reshape(-1, 3).mean(0)
    np.testing.assert_allclose(mean, [125.3, 123.0, 113.9], atol=0.3)  # of the published images
    blue = [cifar10.images[cifar10.labels == k, ..., 2].mean() for k in range(10)]
    assert files.CIFAR10_CLASSES[np.argmax(blue)] in ("airplane", "ship")
    assert files.CIFAR10_CLASSES[np.argmin(blue)] == "frog"


def test_real_mnist():
    if not os.environ.get("GAN_UTILS_DATA"):
        pytest.skip("the real MNIST is not on this machine: GAN_UTILS_DATA is not set")
    mnist = data.load("mnist")
    assert mnist.images.shape == (60_000, 28, 28, 1) and mnist.test_images.shape == (
        10_000,
        28,
        28,
        1,
    )
    assert np.bincount(mnist.labels).tolist() == [
        5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949,
    ]  # fmt: skip
    assert "$GAN_UTILS_DATA" in mnist.note and os.environ["GAN_UTILS_DATA"] not in mnist.note


# --- where it is looked for ------------------------------------------------------------------


def test_own_folder_comes_first(nowhere, monkeypatch):
    write_small(nowhere / "own" / "mnist")
    monkeypatch.setenv("GAN_UTILS_DATA", str(nowhere / "own"))
    mnist = data.load("mnist")
    np.testing.assert_array_equal(mnist.images[..., 0], SMALL["train-images-idx3-ubyte"])
    np.testing.assert_array_equal(mnist.test_labels, SMALL["t10k-labels-idx1-ubyte"])
    assert not (nowhere / "cache").exists()


def test_own_folder_that_does_not_exist(nowhere, monkeypatch):
    monkeypatch.setenv("GAN_UTILS_DATA", str(nowhere / "typo"))
    with pytest.raises(FileNotFoundError, match="typo.*not a folder.*unset it"):
        data.load("mnist")


@pytest.mark.parametrize("profile", ["quick", "short", "full"])
def test_own_folder_that_lacks_a_file_is_named(nowhere, monkeypatch, profile):
    monkeypatch.setenv("GAN_BOOK_PROFILE", profile)
    monkeypatch.setattr(fetch, "MNIST_MIRRORS", ["http://127.0.0.1:9/"])
    write_small(nowhere / "own" / "mnist")
    (nowhere / "own" / "mnist" / "t10k-labels-idx1-ubyte.gz").unlink()
    monkeypatch.setenv("GAN_UTILS_DATA", str(nowhere / "own"))
    wanted = "the folder that GAN_UTILS_DATA names holds no mnist/t10k-labels-idx1-ubyte.gz"
    if profile == "quick":
        assert wanted in data.load("mnist").note
    else:
        with pytest.raises(OSError, match=wanted):
            data.load("mnist")


@pytest.mark.parametrize("profile", ["short", "full"])
def test_download_fills_the_cache_once(nowhere, monkeypatch, server, profile):
    monkeypatch.setenv("GAN_BOOK_PROFILE", profile)
    monkeypatch.setattr(fetch, "MNIST_MIRRORS", [server.url + "html/", server.url + "mnist/"])
    mnist = data.load("mnist")
    np.testing.assert_array_equal(mnist.labels, SMALL["train-labels-idx1-ubyte"])
    assert files_in(nowhere / "cache") == sorted(f"{name}.gz" for name in SMALL)
    assert len(server.served) == 8, "each file once from each mirror: the first gives web pages"
    data.load("mnist")
    assert len(server.served) == 8, "the second time comes from the cache"


def test_two_processes_download_at_once(nowhere, server):
    server.together = threading.Barrier(2)
    code = f"""
import pathlib
from gan_utils import data, fetch, files
fetch.cache_folder = lambda: pathlib.Path({str(nowhere / "cache")!r})
files.MNIST_FILES = {SMALL_FILES!r}
fetch.MNIST_MIRRORS = [{server.url + "mnist/"!r}]
print(data.load("mnist").images.sum())
"""
    env = os.environ | {"GAN_BOOK_PROFILE": "full"}
    env.pop("GAN_UTILS_DATA", None)
    runs = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=env)
        for _ in range(2)
    ]
    outputs = [run.communicate(timeout=60)[0] for run in runs]
    assert [run.returncode for run in runs] == [0, 0]
    assert {int(out) for out in outputs} == {int(SMALL["train-images-idx3-ubyte"].sum())}
    assert len(server.served) == 8, "each fetched all four files, in step with the other"
    assert files_in(nowhere / "cache") == sorted(f"{name}.gz" for name in SMALL)
    assert [p.name for p in (nowhere / "cache" / "mnist").iterdir() if p.is_dir()] == []


def test_scratch_of_a_killed_download_goes_at_the_next(nowhere, monkeypatch, server):
    monkeypatch.setenv("GAN_BOOK_PROFILE", "full")
    monkeypatch.setattr(fetch, "MNIST_MIRRORS", [server.url + "mnist/"])
    hours_ago = time.time() - 2 * 3600
    for name, touched in (("killed", hours_ago), ("slow", None), ("empty", hours_ago)):
        scratch = nowhere / "cache" / "mnist" / f".download-{name}"
        scratch.mkdir(parents=True)
        if name != "empty":
            (scratch / "part").write_bytes(b"half of it")
            os.utime(scratch / "part", (touched, touched) if touched else None)
        os.utime(scratch, (hours_ago, hours_ago))
    data.load("mnist")
    left = [path.name for path in (nowhere / "cache" / "mnist").iterdir() if path.is_dir()]
    assert left == [".download-slow"], "somebody still writes into that one"


@pytest.mark.parametrize("profile", ["quick", "full"])
def test_download_whatever_the_profile(nowhere, monkeypatch, server, profile):
    monkeypatch.setenv("GAN_BOOK_PROFILE", profile)
    monkeypatch.setattr(fetch, "MNIST_MIRRORS", [server.url + "mnist/"])
    monkeypatch.setattr(fetch, "CIFAR10_MIRRORS", [server.url + "html/", server.url + "cifar10/"])
    write_archive(nowhere / "own" / "cifar10" / PUBLISHED, A_COPY)
    monkeypatch.setenv("GAN_UTILS_DATA", str(nowhere / "own"))
    line = data.download("cifar10")
    assert line == (
        "CIFAR-10: 100 training and 20 test images, as published, from the cache. "
        f"They are in {nowhere / 'cache' / 'cifar10'}."
    )
    assert data.download("mnist").startswith("MNIST: 12 training and 4 test images, from the cache")
    assert len(server.served) == 2 + 4
    assert data.download("cifar10") == line and len(server.served) == 2 + 4, "once is enough"
    assert os.environ["GAN_UTILS_DATA"] == str(nowhere / "own")
    assert "a JPEG copy, lossy (SHA-256 of its content " in data.load("cifar10").note


def test_a_mirror_cannot_pass_off_a_copy(nowhere, monkeypatch, server):
    monkeypatch.setenv("GAN_BOOK_PROFILE", "full")
    monkeypatch.setattr(fetch, "CIFAR10_MIRRORS", [server.url + "cifar10/"])
    write_archive(nowhere / "www" / "cifar10" / PUBLISHED, A_COPY)
    with pytest.raises(OSError, match="is a JPEG copy, lossy .* expected the published archive"):
        data.load("cifar10")
    assert files_in(nowhere / "cache") == []


def test_download_checks_what_is_there(nowhere, monkeypatch):
    write_archive(nowhere / "cache" / "cifar10" / PUBLISHED, {"readme.html": b"another"})
    monkeypatch.setenv("GAN_UTILS_DATA", str(nowhere / "not a folder"))
    with pytest.raises(ValueError, match="is not the published archive"):
        data.download("cifar10")
    assert os.environ["GAN_UTILS_DATA"] == str(nowhere / "not a folder")


def test_download_without_network(nowhere, monkeypatch):
    monkeypatch.setattr(fetch, "CIFAR10_MIRRORS", ["http://127.0.0.1:9/"])
    with pytest.raises(OSError, match="no mirror gave it"):
        data.download("cifar10")
    assert "GAN_UTILS_DATA" not in os.environ and files_in(nowhere / "cache") == []


@pytest.mark.parametrize(
    ("name", "message"),
    [("digits", "'digits' needs no download"), ("minst", "'minst' is no data set")],
)
def test_download_of_what_cannot_be_downloaded(nowhere, name, message):
    with pytest.raises(ValueError, match=f"{message}. To download there are: cifar10, mnist"):
        data.download(name)


# --- when it is nowhere ------------------------------------------------------------------------


def test_full_without_network_names_the_ways_out(nowhere, monkeypatch):
    monkeypatch.setenv("GAN_BOOK_PROFILE", "full")
    monkeypatch.setattr(fetch, "MNIST_MIRRORS", ["http://127.0.0.1:9/", "http://127.0.0.1:10/"])
    with pytest.raises(OSError) as caught:
        data.load("mnist")
    first, *rest = str(caught.value).splitlines()
    assert first.startswith(
        "Set GAN_UTILS_DATA to a folder that holds mnist/train-images-idx3-ubyte.gz"
    )
    assert "127.0.0.1:9/" in rest[1] and "127.0.0.1:10/" in rest[2]
    assert "GAN_BOOK_PROFILE=quick" in rest[-2]
    assert rest[-1] == "Before that: GAN_UTILS_DATA is not set, and there is nothing in the cache."
    assert files_in(nowhere / "cache") == [] and list((nowhere / "cache" / "mnist").iterdir()) == []


def test_quick_falls_back_without_a_socket(tmp_path):
    """In a process that forbids sockets, with nothing in the cache."""
    code = textwrap.dedent(f"""
        import pathlib, sys
        def forbid(event, args):
            if event.startswith("socket."):
                raise SystemExit(f"a socket was used: {{event}} {{args}}")
        sys.addaudithook(forbid)
        from gan_utils import data, fetch
        fetch.cache_folder = lambda: pathlib.Path({str(tmp_path)!r})
        for name in ("mnist", "cifar10"):
            loaded = data.load(name)
            print(loaded.name, len(loaded.images), loaded.note)
        import socket
        try:
            socket.socket()
        except SystemExit:
            print("the guard works")
    """)
    env = {k: v for k, v in os.environ.items() if k != "GAN_UTILS_DATA"} | {
        "GAN_BOOK_PROFILE": "quick"
    }
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env)
    assert run.returncode == 0, run.stderr
    first, second, third = run.stdout.splitlines()
    assert first.startswith("mnist 1500 Stand-in for MNIST, which is not on this machine")
    assert second.startswith("cifar10 2000 Stand-in for CIFAR-10, which is not on this machine")
    assert "2,500 drawn shapes of ten classes (disc, ring" in second
    assert third == "the guard works"


def test_cache_that_cannot_be_written(nowhere, server):
    """Root may write anywhere, so the attempt is made as another user."""
    locked = Path(tempfile.mkdtemp())  # pytest's own folders are closed to other users
    locked.chmod(0o555)
    code = f"""
import os, pathlib
import numpy, pooch, requests, tempfile, tqdm  # before this user loses sight of them
from gan_utils import data, fetch, files
fetch.cache_folder = lambda: pathlib.Path({str(locked)!r})
fetch.MNIST_MIRRORS = [{server.url + "mnist/"!r}]
if os.getuid() == 0:
    os.setgid(65534); os.setuid(65534)
try:
    data.load("mnist")
except OSError as error:
    print(error)
"""
    env = os.environ | {"GAN_BOOK_PROFILE": "full"}
    env.pop("GAN_UTILS_DATA", None)
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env)
    assert "cannot be written (Permission denied)" in run.stdout, run.stdout + run.stderr
    assert "set GAN_UTILS_DATA to a folder that holds mnist/train-images" in run.stdout
    left = list(locked.iterdir())
    locked.rmdir()
    assert left == [] and server.served == []


# --- when it is wrong -----------------------------------------------------------------------------


def idx_file(path, content):
    path.write_bytes(gzip.compress(content))
    return path


GOOD = idx_bytes(np.arange(24, dtype=np.uint8).reshape(2, 3, 4))


def test_read_idx(tmp_path):
    array = files.read_idx(idx_file(tmp_path / "a.gz", GOOD), hashlib.sha256(GOOD).hexdigest())
    np.testing.assert_array_equal(array, np.arange(24).reshape(2, 3, 4))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            b"\x00\x00\x0d\x01" + GOOD[4:],
            "not an IDX file of unsigned bytes: it begins with 00000d01",
        ),
        (b"\x00\x00\x08\x07" + GOOD[4:], "begins with 00000807"),
        (b"", "not an IDX file"),
        (GOOD[:10], "ends within its header of 16 bytes"),
        (GOOD[:-1], r"states the shape \(2, 3, 4\), that is 24 bytes, but holds 23"),
        (GOOD + b"\x00", "but holds 25"),
    ],
)
def test_idx_content_is_read_strictly(tmp_path, content, message):
    with pytest.raises(ValueError, match=message):
        files.read_idx(idx_file(tmp_path / "bad.gz", content))


@pytest.mark.parametrize("spoil", ["truncated", "html"])
@pytest.mark.parametrize("profile", ["quick", "full"])
def test_broken_file_in_the_own_folder_is_named(nowhere, monkeypatch, spoil, profile):
    """Also in quick: a file that is there and broken is a mistake to mend, not to hide."""
    monkeypatch.setenv("GAN_BOOK_PROFILE", profile)
    write_small(nowhere / "own" / "mnist")
    broken = nowhere / "own" / "mnist" / "train-labels-idx1-ubyte.gz"
    broken.write_bytes(broken.read_bytes()[:-9] if spoil == "truncated" else b"<!doctype html>")
    monkeypatch.setenv("GAN_UTILS_DATA", str(nowhere / "own"))
    with pytest.raises(ValueError, match="train-labels-idx1-ubyte.gz is not a complete gzip file"):
        data.load("mnist")


def test_hash_mismatch_is_named(nowhere, monkeypatch):
    write_small(nowhere / "own" / "mnist")
    other = SMALL["t10k-labels-idx1-ubyte"][::-1].copy()
    idx_file(nowhere / "own" / "mnist" / "t10k-labels-idx1-ubyte.gz", idx_bytes(other))
    monkeypatch.setenv("GAN_UTILS_DATA", str(nowhere / "own"))
    with pytest.raises(ValueError, match="t10k-labels-idx1-ubyte.gz is not the published file"):
        data.load("mnist")


@pytest.mark.parametrize("spoil", ["truncated", "html", "hash"])
def test_broken_download_leaves_nothing_behind(nowhere, monkeypatch, server, spoil):
    monkeypatch.setenv("GAN_BOOK_PROFILE", "full")
    monkeypatch.setattr(
        fetch, "MNIST_MIRRORS", [server.url + ("html/" if spoil == "html" else "mnist/")]
    )
    served = nowhere / "www" / "mnist" / "train-images-idx3-ubyte.gz"
    if spoil == "truncated":
        served.write_bytes(served.read_bytes()[:-20])
    elif spoil == "hash":
        idx_file(served, idx_bytes(SMALL["t10k-images-idx3-ubyte"]))
    with pytest.raises(OSError, match="no mirror gave it"):
        data.load("mnist")
    assert list((nowhere / "cache" / "mnist").iterdir()) == []


# --- the two forms of CIFAR-10 ------------------------------------------------------------------


def test_cifar10_as_published(nowhere, monkeypatch):
    write_archive(nowhere / "own" / "cifar10" / PUBLISHED)
    monkeypatch.setenv("GAN_UTILS_DATA", str(nowhere / "own"))
    cifar10 = data.load("cifar10")
    assert cifar10.images.shape == (100, 32, 32, 3) and cifar10.test_images.shape == (20, 32, 32, 3)
    np.testing.assert_array_equal(cifar10.labels, RECORDS[:5, :, 0].ravel())
    np.testing.assert_array_equal(cifar10.test_labels, RECORDS[5, :, 0])
    # Byte 1 + 1024 c + 32 y + x of a record is colour c at row y, column x.
    for record, y, x, c in ((0, 0, 0, 0), (27, 3, 31, 1), (99, 31, 5, 2)):
        wanted = RECORDS.reshape(120, 3073)[record, 1 + 1024 * c + 32 * y + x]
        assert cifar10.images[record, y, x, c] == wanted
    assert cifar10.test_images[7, 1, 2, 2] == RECORDS[5, 7, 1 + 2048 + 32 + 2]
    assert "100 training and 20 test images, as published, from $GAN_UTILS_DATA" in cifar10.note
    assert files_in(nowhere / "own") == [PUBLISHED] and not (nowhere / "cache").exists()


def test_cifar10_as_jpegs(nowhere, monkeypatch, capsys):
    write_jpegs(nowhere / "own" / "cifar10" / JPEG)
    monkeypatch.setenv("GAN_UTILS_DATA", str(nowhere / "own"))
    convert_cifar10.main([])
    assert capsys.readouterr().out.endswith(f"{nowhere / 'cache' / 'cifar10' / PUBLISHED}\n")
    cifar10 = data.load("cifar10")
    assert cifar10.images.shape == (100, 32, 32, 3) and cifar10.test_images.shape == (20, 32, 32, 3)
    assert cifar10.labels.tolist() == list(range(10)) * 10 and cifar10.labels.dtype == np.uint8
    for images, labels in (cifar10[1:3], cifar10[3:5]):
        red, green, blue = np.moveaxis(images.astype(int), 3, 0)
        np.testing.assert_allclose(red[:, 9, 9], 20 * labels.astype(int), atol=4)
        np.testing.assert_allclose(green[:, 9, 9], 10 * (np.arange(len(labels)) // 10), atol=4)
        assert blue.max() < 5
    assert re.search(r"a JPEG copy, lossy \(SHA-256 of .{16,}…\), from the cache", cifar10.note)
    convert_cifar10.main([])
    assert capsys.readouterr().out == "", "once is enough"


def test_converting_needs_a_copy_and_replaces_nothing(nowhere, monkeypatch, capsys):
    convert_cifar10.main([])
    assert not (nowhere / "cache").exists() and capsys.readouterr().out == ""
    with pytest.raises(SystemExit):
        convert_cifar10.main(["nowhere.zip"])
    assert "there is no file nowhere.zip" in capsys.readouterr().err
    there = write_archive(nowhere / "cache" / "cifar10" / PUBLISHED)
    with pytest.raises(SystemExit):
        convert_cifar10.main([str(write_jpegs(nowhere / JPEG))])
    assert f"{there} is there already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("own", "cache", "wanted"),
    [
        ({}, A_COPY, r"as published, from \$GAN_UTILS_DATA"),
        (A_COPY, {}, r"a JPEG copy, .*content .{16}…\), from \$GAN_UTILS_DATA"),
        (None, {}, "as published, from the cache"),
        (None, A_COPY, r"a JPEG copy, .*content .{16}…\), from the cache"),
    ],
)
@pytest.mark.parametrize("profile", ["quick", "full"])
def test_which_cifar10_is_taken(nowhere, monkeypatch, own, cache, wanted, profile):
    monkeypatch.setenv("GAN_BOOK_PROFILE", profile)
    (nowhere / "own").mkdir()
    monkeypatch.setenv("GAN_UTILS_DATA", str(nowhere / "own"))
    for folder, members in (("own", own), ("cache", cache)):
        if members is not None:
            write_archive(nowhere / folder / "cifar10" / PUBLISHED, members)
    assert re.search(wanted, data.load("cifar10").note)


def test_cifar10_is_downloaded_in_full(nowhere, monkeypatch, server):
    monkeypatch.setenv("GAN_BOOK_PROFILE", "full")
    monkeypatch.setattr(fetch, "CIFAR10_MIRRORS", [server.url + "html/", server.url + "cifar10/"])
    for _ in range(2):
        assert "as published, from the cache" in data.load("cifar10").note
    assert server.served == [f"/html/{PUBLISHED}", f"/cifar10/{PUBLISHED}"]
    assert files_in(nowhere / "cache") == [PUBLISHED]


def test_cifar10_nowhere_in_full(nowhere, monkeypatch):
    monkeypatch.setenv("GAN_BOOK_PROFILE", "full")
    monkeypatch.setattr(fetch, "CIFAR10_MIRRORS", ["http://127.0.0.1:9/"])
    with pytest.raises(
        OSError, match=f"^Set GAN_UTILS_DATA to a folder that holds cifar10/{PUBLISHED}"
    ):
        data.load("cifar10")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        ("truncated", "is not the published archive: its SHA-256"),  # its last bytes
        ("html", "is not a complete .tar.gz file"),
        ("other", "is not the published archive: its SHA-256"),
    ],
)
def test_archive_that_is_not_the_published_one(nowhere, monkeypatch, spoil, message):
    path = write_archive(nowhere / "own" / "cifar10" / PUBLISHED, {"readme.html": b"another"})
    if spoil == "truncated":
        path.write_bytes((nowhere / "published" / PUBLISHED).read_bytes()[:-9])
    elif spoil == "html":
        path.write_bytes(b"<!doctype html><title>Please log in</title>")
    monkeypatch.setenv("GAN_UTILS_DATA", str(nowhere / "own"))
    with pytest.raises(ValueError, match=f"{PUBLISHED} {message}"):
        data.load("cifar10")


@pytest.mark.parametrize("keep", [0, 5, 100, 5000, -5000])
def test_archive_cut_short(nowhere, keep):
    path = write_archive(nowhere / PUBLISHED)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ValueError, match=f"{PUBLISHED} is not a complete .tar.gz file"):
        files.read_cifar10(path)


@pytest.mark.parametrize(
    ("members", "message"),
    [
        (
            {"test_batch.bin": None},
            r"holds 0 bytes of test_batch.bin, expected 20 records of 3,073",
        ),
        ({"data_batch_2.bin": RECORDS[1, :-1].tobytes()}, "holds 58,387 bytes of data_batch_2.bin"),
        ({"data_batch_5.bin": RECORDS[4].tobytes() + b"x"}, "holds 61,461 bytes of data_batch_5"),
        ({"data_batch_1.bin": b"\x0a" + RECORDS[0].tobytes()[1:]}, "holds the label 10"),
    ],
)
def test_archive_is_read_strictly(nowhere, members, message):
    with pytest.raises(ValueError, match=message):
        files.read_cifar10(write_archive(nowhere / PUBLISHED, members))


def test_archive_cannot_write_anywhere(nowhere):
    path = write_archive(nowhere / PUBLISHED, {"../../escaped": b"x"})
    before = files_in(nowhere)
    files.read_cifar10(path)
    assert files_in(nowhere) == before


@pytest.mark.parametrize(
    ("members", "message"),
    [
        (
            {f"train/cat/{i:04d}.jpg": None for i in range(10)},
            r"lacks 10 of 120 images, such as train/cat/0000.jpg",
        ),
        ({"test/ship/0001.jpg": b"<!doctype html>"}, "test/ship/0001.jpg cannot be read"),
        ({"test/ship/0001.jpg": jpeg(0)[:-200]}, "test/ship/0001.jpg cannot be read"),
        ({"train/dog/0003.jpg": jpeg(0, form="PNG")}, "train/dog/0003.jpg cannot be read"),
        ({"train/dog/0003.jpg": jpeg(0, size=(32, 31))}, r"it is RGB \(32, 31\), not RGB"),
        ({"train/dog/0003.jpg": jpeg(0, mode="L")}, r"it is L \(32, 32\), not RGB"),
    ],
)
def test_jpegs_are_read_strictly(nowhere, members, message):
    with pytest.raises(ValueError, match=f"{JPEG}.*{message}"):
        convert_cifar10.read(write_jpegs(nowhere / JPEG, members))


@pytest.mark.parametrize("spoil", ["truncated", "html", "bit"])
def test_jpeg_file_that_is_broken(nowhere, monkeypatch, spoil):
    path = write_jpegs(nowhere / "own" / "cifar10" / JPEG)
    content = bytearray(path.read_bytes())
    if spoil == "bit":
        content[content.index(b"train/cat/0004.jpg") + 200] ^= 1
    path.write_bytes({"truncated": content[:-9], "html": b"<!doctype html>"}.get(spoil, content))
    wanted = "train/cat/0004.jpg" if spoil == "bit" else "the list of its files"
    monkeypatch.setenv("GAN_UTILS_DATA", str(nowhere / "own"))
    with pytest.raises(ValueError, match=f"{JPEG} is broken: {wanted} cannot be read"):
        convert_cifar10.main([])
    assert not (nowhere / "cache").exists()


# --- what a training step draws -------------------------------------------------------------


def test_an_epoch_visits_every_row_once():
    rows = [
        np.asarray(data.batch_index(tf.constant(s, tf.int64), 60, 12, seed=0)) for s in range(10)
    ]
    first, second = np.concatenate(rows[:5]), np.concatenate(rows[5:])
    assert sorted(first) == sorted(second) == list(range(60))
    assert (first != second).any() and (first != np.arange(60)).any()
    other = data.batch_index(tf.constant(0, tf.int64), 60, 12, seed=1)
    assert (np.asarray(other) != rows[0]).any()


def test_rows_left_over_differ_from_epoch_to_epoch():
    left = {
        tuple(
            sorted(
                set(range(7)) - set(np.asarray(data.batch_index(tf.constant(s, tf.int64), 7, 5, 0)))
            )
        )
        for s in range(20)
    }
    assert len(left) > 3


@pytest.mark.parametrize("kind", ["uniform", "normal"])
def test_latent_moments_streams_and_steps(kind):
    from scipy import stats

    z = np.asarray(data.draw_latent(3, (2000, 10), seed=0, kind=kind))
    cdf = stats.uniform(-1, 2).cdf if kind == "uniform" else stats.norm.cdf
    assert stats.kstest(z.ravel(), cdf).pvalue > 1e-3
    np.testing.assert_array_equal(z, data.draw_latent(3, (2000, 10), seed=0, kind=kind))
    for step, seed, stream in ((4, 0, 0), (3, 1, 0), (3, 0, 1)):
        assert (
            z != np.asarray(data.draw_latent(step, (2000, 10), seed, stream, kind))
        ).mean() > 0.99


def test_draws_are_functions_of_the_step_number():
    whole = list(data.draws(60, 12, 3, range(10), seed=4).as_numpy_iterator())
    part = list(data.draws(60, 12, 3, range(7, 9), seed=4).as_numpy_iterator())
    for a, b in zip(whole[7:9], part, strict=True):
        for x, y in zip(a, b, strict=True):
            np.testing.assert_array_equal(x, y)
    rows, z_d, z_g = whole[7]
    np.testing.assert_array_equal(rows, data.batch_index(tf.constant(7, tf.int64), 60, 12, 4))
    np.testing.assert_array_equal(z_g, data.draw_latent(7, (12, 3), 4, stream=1))
    assert z_d.shape == (12, 3) and (z_d != z_g).all()


def test_unknown_latent_is_refused():
    with pytest.raises(ValueError, match="'gauss'. There are: normal, uniform"):
        data.draw_latent(0, (1, 1), 0, kind="gauss")


def test_pixels_survive_the_round_trip():
    pixels = np.arange(256, dtype=np.uint8)
    scaled = np.asarray(data.to_unit_range(pixels))
    assert scaled.min() == -1 and scaled.max() == 1
    np.testing.assert_array_equal(data.to_pixels(scaled), pixels)
