"""Data sets, and every way in which they can be missing or wrong."""

import contextlib
import gzip
import hashlib
import http.server
import os
import struct
import subprocess
import sys
import tempfile
import textwrap
import threading
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from gan_utils import data


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


@pytest.fixture
def nowhere(monkeypatch, tmp_path):
    """No data folder, an empty cache, the tiny data set's hashes."""
    monkeypatch.delenv("GAN_UTILS_DATA", raising=False)
    monkeypatch.setattr(data, "cache_folder", lambda: tmp_path / "cache")
    monkeypatch.setattr(data, "MNIST_FILES", SMALL_FILES)
    return tmp_path


@pytest.fixture
def server(tmp_path):
    """A local mirror. Paths under /html/ give a web page with status 200, as captive portals do."""
    write_small(tmp_path / "www" / "mnist")
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
    with pytest.raises(ValueError, match="'minst'. There are: digits, mnist, uniform"):
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


@pytest.mark.parametrize("profile", ["quick", "full"])
def test_own_folder_that_lacks_a_file_is_named(nowhere, monkeypatch, profile):
    monkeypatch.setenv("GAN_BOOK_PROFILE", profile)
    monkeypatch.setattr(data, "MNIST_MIRRORS", ["http://127.0.0.1:9/"])
    write_small(nowhere / "own" / "mnist")
    (nowhere / "own" / "mnist" / "t10k-labels-idx1-ubyte.gz").unlink()
    monkeypatch.setenv("GAN_UTILS_DATA", str(nowhere / "own"))
    wanted = "the folder that GAN_UTILS_DATA names holds no mnist/t10k-labels-idx1-ubyte.gz"
    if profile == "quick":
        assert wanted in data.load("mnist").note
    else:
        with pytest.raises(OSError, match=wanted):
            data.load("mnist")


def test_download_fills_the_cache_once(nowhere, monkeypatch, server):
    monkeypatch.setenv("GAN_BOOK_PROFILE", "full")
    monkeypatch.setattr(data, "MNIST_MIRRORS", [server.url + "html/", server.url + "mnist/"])
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
from gan_utils import data
data.cache_folder = lambda: pathlib.Path({str(nowhere / "cache")!r})
data.MNIST_FILES = {SMALL_FILES!r}
data.MNIST_MIRRORS = [{server.url + "mnist/"!r}]
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


# --- when it is nowhere ------------------------------------------------------------------------


def test_full_without_network_names_the_ways_out(nowhere, monkeypatch):
    monkeypatch.setenv("GAN_BOOK_PROFILE", "full")
    monkeypatch.setattr(data, "MNIST_MIRRORS", ["http://127.0.0.1:9/", "http://127.0.0.1:10/"])
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
        from gan_utils import data
        data.cache_folder = lambda: pathlib.Path({str(tmp_path)!r})
        mnist = data.load("mnist")
        print(mnist.name, len(mnist.images), mnist.note)
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
    first, second = run.stdout.splitlines()
    assert first.startswith("mnist 1500 Stand-in for MNIST, which is not on this machine")
    assert second == "the guard works"


def test_cache_that_cannot_be_written(nowhere, server):
    """Root may write anywhere, so the attempt is made as another user."""
    locked = Path(tempfile.mkdtemp())  # pytest's own folders are closed to other users
    locked.chmod(0o555)
    code = f"""
import os, pathlib
import numpy, pooch, requests, tempfile, tqdm  # before this user loses sight of them
from gan_utils import data
data.cache_folder = lambda: pathlib.Path({str(locked)!r})
data.MNIST_MIRRORS = [{server.url + "mnist/"!r}]
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
    array = data.read_idx(idx_file(tmp_path / "a.gz", GOOD), hashlib.sha256(GOOD).hexdigest())
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
        data.read_idx(idx_file(tmp_path / "bad.gz", content))


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
        data, "MNIST_MIRRORS", [server.url + ("html/" if spoil == "html" else "mnist/")]
    )
    served = nowhere / "www" / "mnist" / "train-images-idx3-ubyte.gz"
    if spoil == "truncated":
        served.write_bytes(served.read_bytes()[:-20])
    elif spoil == "hash":
        idx_file(served, idx_bytes(SMALL["t10k-images-idx3-ubyte"]))
    with pytest.raises(OSError, match="no mirror gave it"):
        data.load("mnist")
    assert list((nowhere / "cache" / "mnist").iterdir()) == []


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
