"""The generated data, and the public sets as they come from a file that stands for the network."""

import gzip
import hashlib
import socket

import numpy as np
import pytest
from scipy.io import savemat
from sklearn.datasets import _covtype, _olivetti_faces
from sklearn.datasets._base import RemoteFileMetadata

from losscourse import datasets


def remote(path, checksum=None):
    """Return what scikit-learn knows of a remote file, for a file here."""
    checksum = checksum or hashlib.sha256(path.read_bytes()).hexdigest()
    return RemoteFileMetadata(path.name, path.as_uri(), checksum)


@pytest.fixture
def faces(tmp_path):
    """The remote file of the faces: person p's k-th photograph is white in pixel (p, k)."""
    pictures = np.zeros((400, 64, 64), np.uint8)
    for person in range(40):
        for k in range(10):
            pictures[10 * person + k, person, k] = 255
    path = tmp_path / "olivettifaces.mat"
    savemat(path, {"faces": pictures.transpose(0, 2, 1).reshape(400, -1).T})
    return path


@pytest.fixture
def covers(tmp_path):
    """The remote file of the forest: three patches."""
    rows = np.column_stack([np.arange(3 * 54).reshape(3, 54), [5, 1, 7]])
    path = tmp_path / "covtype.data.gz"
    with gzip.open(path, "wt") as file:
        np.savetxt(file, rows, delimiter=",", fmt="%d")
    return path


def test_the_line_is_the_one_it_says():
    x, y = datasets.noisy_line(100_000, slope=-1.5, intercept=4, noise=0.3, seed=1)
    assert x.min() >= 0
    assert x.max() <= 5
    slope, intercept = np.polyfit(x, y, 1)
    assert slope == pytest.approx(-1.5, abs=0.01)
    assert intercept == pytest.approx(4, abs=0.02)
    assert (y - slope * x - intercept).std() == pytest.approx(0.3, rel=0.02)


def test_numbers_come_in_words():
    spoken = {
        1: ("one", "eins"),
        12: ("twelve", "zwölf"),
        20: ("twenty", "zwanzig"),
        21: ("twenty one", "ein und zwanzig"),
        101: ("one hundred one", "ein hundert eins"),
        6_050: ("six thousand fifty", "sechs tausend fünfzig"),
        21_000: ("twenty one thousand", "ein und zwanzig tausend"),
        101_216: (
            "one hundred one thousand two hundred sixteen",
            "ein hundert ein tausend zwei hundert sechzehn",
        ),
    }
    for number, (english, german) in spoken.items():
        assert datasets.english_number(number) == english.split()
        assert datasets.german_number(number) == german.split()
    for spell in (datasets.english_number, datasets.german_number):
        assert len({tuple(spell(n)) for n in range(1, 10_000)}) == 9_999
        for wrong in (0, 1_000_000):
            with pytest.raises(ValueError, match="from 1 to 999999"):
                spell(wrong)


def test_faces_come_as_pictures_once(faces, tmp_path, monkeypatch):
    monkeypatch.setattr(_olivetti_faces, "FACES", remote(faces))
    pictures, people = datasets.olivetti_faces(tmp_path / "kept")
    assert pictures.shape == (400, 64, 64)
    assert pictures.dtype == np.float32
    assert people.tolist() == [person for person in range(40) for _ in range(10)]
    assert all(pictures[10 * p + k, p, k] == 1 for p in range(40) for k in range(10))
    assert pictures.sum() == 400
    faces.unlink()  # the network is gone
    again, _ = datasets.olivetti_faces(tmp_path / "kept")
    np.testing.assert_array_equal(again, pictures)


def test_forests_come_with_their_kinds_once(covers, tmp_path, monkeypatch):
    monkeypatch.setattr(_covtype, "ARCHIVE", remote(covers))
    features, kinds = datasets.forest_cover(tmp_path / "kept")
    np.testing.assert_array_equal(features, np.arange(3 * 54.0).reshape(3, 54))
    assert kinds.tolist() == [5, 1, 7]
    covers.unlink()
    again, _ = datasets.forest_cover(tmp_path / "kept")
    np.testing.assert_array_equal(again, features)


@pytest.mark.parametrize("fetch", [datasets.olivetti_faces, datasets.forest_cover])
@pytest.mark.filterwarnings("ignore:Retry downloading")
def test_without_a_network_one_sentence_says_what_to_do(
    fetch, faces, covers, tmp_path, monkeypatch
):
    for path in (faces, covers):
        path.rename(path.with_suffix(".away"))
    monkeypatch.setattr(_olivetti_faces, "FACES", remote(faces, "0" * 64))
    monkeypatch.setattr(_covtype, "ARCHIVE", remote(covers, "0" * 64))
    with pytest.raises(ConnectionError, match=r"could not be fetched \(.*No such file.*sklearn\."):
        fetch(tmp_path / "kept")
    assert socket.getdefaulttimeout() is None


def test_a_damaged_file_is_not_kept(faces, tmp_path, monkeypatch):
    monkeypatch.setattr(_olivetti_faces, "FACES", remote(faces, "0" * 64))
    with pytest.raises(ConnectionError, match="SHA256"):
        datasets.olivetti_faces(tmp_path / "kept")
    monkeypatch.setattr(_olivetti_faces, "FACES", remote(faces))
    assert datasets.olivetti_faces(tmp_path / "kept")[0].shape == (400, 64, 64)


def test_a_silent_line_is_given_up(tmp_path, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        mute = RemoteFileMetadata("f.mat", f"http://127.0.0.1:{port}/f.mat", "0" * 64)
        monkeypatch.setattr(_olivetti_faces, "FACES", mute)
        monkeypatch.setattr(datasets, "_PATIENCE", 0.2)
        with (
            pytest.raises(ConnectionError, match="timed out"),
            pytest.warns(UserWarning, match="Retry downloading"),
        ):
            datasets.olivetti_faces(tmp_path / "kept")
