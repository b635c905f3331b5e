"""*Take this course*, followed literally from the site to a notebook handed in."""

import re
import shutil
import urllib.parse
import urllib.request

import nbformat
import pytest

from losscourse import __version__
from tests.exercises import problem_sets
from tests.guides.terminal import GUIDES, ROOT, Terminal, blocks, until, wait_for

PAGE = "take-this-course.md"


def test_the_guides_name_the_wheel_of_this_version():
    named = re.findall(r"losscourse-[\d.]+-py3-none-any\.whl", (GUIDES / PAGE).read_text())
    assert named
    assert set(named) == {f"losscourse-{__version__}-py3-none-any.whl"}


def test_the_messages_that_the_guide_explains_are_the_commands_own():
    text = (GUIDES / PAGE).read_text()
    code = (ROOT / "losscourse" / "cli.py").read_text()
    quoted = re.findall(r"^`(.+)`\n: ", text, re.M)
    foreign = {
        "requires a different Python: 3.9.6 not in '>=3.11'",
        "ensurepip is not available",
        "running scripts is disabled on this system",
        "losscourse: command not found",
        "Could not find a version that satisfies the requirement",
    }
    own = [message for message in quoted if message not in foreign]
    assert len(own) >= 5
    for message in own:
        assert message.replace("60 s", "{seconds:g} s") in code, message


def follow_link(page, target):
    """The address of the one link on `page` whose address holds `target`."""
    html = urllib.request.urlopen(page, timeout=10).read().decode()
    article = html.split("<article", 1)[1].split("</article>", 1)[0]
    found = {link for link in re.findall(r'href="([^"#]+)"', article) if target in link}
    assert len(found) == 1, f"{page}: expected one link to {target}, found {sorted(found)}"
    return urllib.parse.urljoin(page, found.pop())


def download_wheel(address, folder):
    downloads = follow_link(f"{address}/guides/take-this-course.html", "downloads.html")
    wheel = follow_link(downloads, ".whl")
    urllib.request.urlretrieve(wheel, folder / wheel.rsplit("/", 1)[1])


def solve(path):
    """Put the reference solution into a student's notebook, as a student would."""
    answers = problem_sets.reference_answers(problem_sets.read_source("ps01"))
    nb = nbformat.read(path, as_version=4)
    nbformat.write(problem_sets.submission(nb, answers), path)


@pytest.fixture
def exchange(folder):
    """An exchange in which the instructor has released ps01; returns its settings."""
    root = folder / "exchange"
    root.mkdir()
    root.chmod(0o777)
    teacher = folder / "teacher"
    shutil.copytree(ROOT / "exercises" / "source", teacher / "source")
    shutil.copy(ROOT / "exercises" / "nbgrader_config.py", teacher)
    return root, teacher


@pytest.mark.slow
def test_a_student_follows_the_page(address, folder, free_port, exchange):
    terminal = Terminal(folder, folder / "home")
    terminal.let_jupyter_run(free_port)
    environment, install, start, check, submit, fetch = blocks(PAGE)

    terminal.run(environment)
    course = folder / "loss-course"
    download_wheel(address, course)
    terminal.run(install)

    with terminal.start(start) as process:
        address = f"http://127.0.0.1:{free_port}"
        contents = wait_for(f"{address}/api/contents/ps01/ps01.ipynb", process)
        assert "nbgrader" in contents
        assert "JupyterLab" in wait_for(f"{address}/lab/tree/ps01/ps01.ipynb", process)
    notebook = course / "ps01" / "ps01.ipynb"
    assert notebook.is_file()

    unsolved = terminal.run(check, status=1)
    assert "not answered yet" in unsolved
    assert "passed" not in unsolved
    solve(notebook)
    solved = terminal.run(check)
    assert "failed" not in solved
    assert "not answered yet" not in solved

    hand_in_and_fetch_feedback(terminal, exchange, submit, fetch)


def hand_in_and_fetch_feedback(terminal, exchange, submit, fetch):
    """The exchange from both sides: the student's blocks here, the instructor's from their page."""
    root, course = exchange
    settings = f"c = get_config()\nc.Exchange.root = {str(root)!r}\n"
    terminal.write_jupyter_config("nbgrader_config.py", settings)
    install, submit = submit.split("\n", 1)
    terminal.run(install)

    release, collect, release_feedback = blocks("teach-this-course.md", "With nbgrader's exchange")
    teacher = Terminal(course, terminal.home.with_name("teacher-home"))
    teacher.write_jupyter_config("nbgrader_config.py", settings)
    teacher.environment["PATH"] = terminal_path(terminal)

    teacher.run("nbgrader generate_assignment ps01")
    teacher.run(release)
    terminal.run(submit)
    teacher.run(collect)
    collected = list(course.glob("submitted/*/ps01/ps01.ipynb"))
    assert len(collected) == 1
    teacher.run("nbgrader autograde ps01")
    teacher.run("nbgrader generate_feedback ps01")
    teacher.run(release_feedback)
    terminal.run(fetch)
    student_folder = terminal.folder / "loss-course"
    assert until(lambda: bool(list(student_folder.glob("ps01/feedback/*/ps01.html"))))


def terminal_path(terminal):
    """The PATH with the environment that the student's terminal has active."""
    return terminal.run('echo "$PATH"').strip()
