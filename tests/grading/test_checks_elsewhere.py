"""What a test may ask of the student's process beside a call: gradients, callbacks, objects.

Each test cell runs twice: against another process, as the grader does, and in one with the
student's code, as on a laptop and under stock nbgrader. Both must come to the same.
"""

import sys

import pytest

from losscourse.grading.judge import Step, student_names

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="the sandbox is Linux's; elsewhere grading refuses to start"
)

SETUP = "import numpy as np\nimport torch\nfrom losscourse import checks\n"
ANSWERS = """
def half_square(x, y=None):
    return 0.5 * (x * x).mean()

def detached(x):
    return (x.detach() ** 2).sum()

def by_numpy(x):
    return torch.tensor(float((x.detach().numpy() ** 2).sum()))

def doubled(x):
    return 2 * x

def in_place(x):
    x += 1
    return x

def descend(loss, x, steps=3):
    for _ in range(steps):
        x = x - 0.25 * loss(x)
    return x

def swallow(loss, x):
    try:
        loss(x)
    except BaseException:
        pass
    return 1.0

def for_ever(loss, x):
    while True:
        loss(x)

class SGD:
    def __init__(self, lr, momentum=0.0):
        if lr < 0:
            raise ValueError("lr")
        self.lr, self.momentum, self.velocity = lr, momentum, None

    def step(self, weights, slopes):
        before = 0.0 if self.velocity is None else self.velocity
        self.velocity = self.momentum * before + slopes
        return weights - self.lr * self.velocity

    def itself(self):
        return self

def run(optimizer, weights):
    return optimizer.step(weights, weights)

class Descent:
    def __init__(self, slope):
        self.slope = slope

    def step(self, x):
        return x - 0.25 * self.slope(x)

def in_threads(f, xs):
    from concurrent.futures import ThreadPoolExecutor
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(f, xs))

class Linear(torch.nn.Module):
    def __init__(self, n):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(n))

    def forward(self, x):
        return x @ self.weight
"""
RIGHT = {
    "a tensor": "checks.call(doubled, torch.tensor([1.0, 2.0])).gives(torch.tensor([2.0, 4.0]))",
    "a tensor of one number": "checks.call(half_square, torch.tensor([1.0, 3.0])).gives(2.5)",
    "bfloat16": "x = torch.ones(3, dtype=torch.bfloat16)\nchecks.call(doubled, x).gives(2.05 * x)",
    "a gradient": "x = torch.tensor([1.0, 3.0])\nchecks.gradient(half_square, x).gives(x / 2)\n"
    "assert not x.requires_grad",
    "a gradient by keyword": "x = torch.tensor([1.0, 3.0], dtype=torch.float64)\n"
    "checks.gradient(half_square, x=x, wrt='x').gives(x / 2)",
    "the gradient of a sum": "x = torch.zeros(2, 3)\n"
    "checks.gradient(doubled, x).gives(2 * torch.ones(2, 3))",
    "a callback": "seen = []\ndef loss(x):\n    seen.append(x)\n    return 2 * x\n"
    "checks.call(descend, loss, np.asarray([8.0])).gives(np.asarray([1.0]))\n"
    "assert [float(x[0]) for x in seen] == [8.0, 4.0, 2.0]",
    "a callback of tensors": "x = torch.ones(2)\n"
    "checks.call(descend, lambda x: 4 * x, x, steps=1).gives(0 * x)",
    "many callbacks": "checks.call(descend, lambda x: 0.0, 1.0, steps=500).gives(1.0)",
    "an object": "sgd = checks.make(SGD, 0.5, momentum=0.5)\nx = np.asarray([1.0, 2.0])\n"
    "sgd.call('step', x, x).gives(x / 2)\nsgd.call('step', x, x).gives(x / 4)\n"
    "checks.require((sgd.get('velocity') == 1.5 * x).all(), 'velocity')",
    "two objects": "one, two = checks.make(SGD, lr=1.0), checks.make(SGD, lr=2.0)\n"
    "one.call('step', 1.0, 1.0).gives(0.0)\ntwo.call('step', 1.0, 1.0).gives(-1.0)\n"
    "assert one.get('lr') == 1.0",
    "an object passed on": "checks.call(run, checks.make(SGD, 0.5), 3.0).gives(1.5)",
    "an object that keeps a callback": "descent = checks.make(Descent, lambda x: 2 * x)\n"
    "checks.call(doubled, 1.0).gives(2.0)\n"
    "descent.call('step', 8.0).gives(4.0)\ndescent.call('step', 4.0).gives(2.0)",
    "two callbacks": "up, down = checks.make(Descent, lambda x: -x), checks.make(Descent, abs)\n"
    "up.call('step', 4.0).gives(5.0)\ndown.call('step', 4.0).gives(3.0)",
    "a callback from threads": "xs = [float(i) for i in range(100)]\n"
    "checks.call(in_threads, lambda x: 2 * x, xs).gives([2 * x for x in xs])",
    "a class that refuses": "checks.call(SGD, -1.0).raises(ValueError)",
    "a module": "layer = checks.make(Linear, 2)\n"
    "layer.call('forward', torch.tensor([[1.0, 2.0]])).gives(torch.tensor([3.0]))\n"
    "assert layer.get('weight').tolist() == [1.0, 1.0]",
}
WRONG = {
    "a tensor's number": (
        "checks.call(doubled, torch.tensor([1.0, 2.0])).gives(torch.tensor([2.0, 5.0]))",
        "doubled(x=tensor [1, 2] (float32))\nwrong at index [1]; 1 of 2 elements are right\n"
        "  x[1]      2\n  expected  5\n  got       4",
    ),
    "a tensor's dtype": (
        "checks.call(doubled, torch.ones(2)).gives(2 * torch.ones(2, dtype=torch.float64))",
        "expected dtype float64, got float32.",
    ),
    "a tensor's shape": (
        "checks.call(doubled, torch.ones(2)).gives(2 * torch.ones(2, 1))",
        "expected shape (2, 1), got shape (2,).",
    ),
    "a tensor of a coarse dtype": (
        "x = torch.ones(3, dtype=torch.bfloat16)\nchecks.call(doubled, x).gives(2.2 * x)",
        "wrong at index [0]; 0 of 3 elements are right",
    ),
    "a coarse dtype for one number": (
        "checks.call(half_square, torch.ones(2, dtype=torch.bfloat16)).gives(0.51)",
        "wrong result",
    ),
    "an array for a tensor": (
        "checks.call(doubled, np.ones(2)).gives(2 * torch.ones(2))",
        "expected a tensor of shape (2,), got [2, 2].",
    ),
    "a tensor for an array": (
        "checks.call(doubled, torch.ones(2)).gives(2 * np.ones(2))",
        "expected an array of shape (2,), got tensor [2, 2] (float32).",
    ),
    "a tensor changed": (
        "checks.call(in_place, torch.ones(2)).keeps_inputs()",
        "it changed its argument x in place.",
    ),
    "a gradient": (
        "checks.gradient(doubled, torch.ones(2)).gives(torch.ones(2), why='the slope of 2x')",
        "gradient by x of doubled(x=tensor [1, 1] (float32))\nwrong at index [0]; 0 of 2",
    ),
    "no gradient": (
        "checks.gradient(detached, torch.ones(2)).gives(torch.ones(2))",
        "expected a result that autograd can follow back to this argument",
    ),
    "numpy's gradient": (
        "checks.gradient(by_numpy, torch.ones(2)).gives(torch.ones(2))",
        "expected a result that autograd can follow back to this argument",
    ),
    "an array's gradient": (
        "checks.gradient(swallow, abs, torch.ones(1), wrt=1).gives(torch.ones(1))",
        "expected a tensor to differentiate, got float.",
    ),
    "a check that fails in a callback": (
        "def loss(x):\n    checks.require(x < 0, 'x: expected a negative number')\n    return x\n"
        "checks.call(descend, loss, 1.0).gives(1.0)",
        "x: expected a negative number",
    ),
    "an object that is not made": ("checks.make(SGD, -1.0)", "it raised ValueError: lr"),
    "a method that is missing": (
        "checks.make(SGD, 1.0).call('walk').gives(1)",
        "AttributeError: 'SGD' object has no attribute 'walk'",
    ),
    "an attribute that is missing": ("checks.make(SGD, 1.0).get('speed')", "'speed'"),
    "an object as a result": (
        "checks.make(SGD, 1.0).call('itself').gives(1)",
        "expected plain data",
    ),
}


def elsewhere(warm, test, answers="", **times):
    """Grade a test in a pair of processes; return its score and message."""
    steps = [Step("setup", "setup", SETUP), Step("student", "answers", ANSWERS + answers)]
    names = student_names(ANSWERS + answers)
    report = warm.grade([*steps, Step("test", "t", test, 1.0)], names, **times)
    assert report.state == "graded", report
    assert not report.verdicts[1].message, report.verdicts[1]
    return report.verdicts[-1].score, report.verdicts[-1].message


def here(test):
    """Run a test in the process of the student's code; return what it raised, in words."""
    space = {"__name__": "__main__"}
    exec(SETUP + ANSWERS, space)
    try:
        exec(test, space)
    except AssertionError as fault:
        return 0.0, str(fault)
    return 1.0, ""


@pytest.mark.slow
@pytest.mark.parametrize("test", RIGHT.values(), ids=RIGHT)
def test_right_answers_pass(warm, test):
    assert here(test) == (1.0, "")
    assert elsewhere(warm, test) == (1.0, "")


@pytest.mark.slow
@pytest.mark.parametrize(("test", "says"), WRONG.values(), ids=WRONG)
def test_wrong_answers_are_told_alike(warm, test, says):
    for score, message in (here(test), elsewhere(warm, test)):
        assert score == 0.0
        assert says in message


# ---------------------------------------------------------------- what a stranger's code may try

PASSES = "checks.call(answer).gives(torch.ones(2))"
STRANGE = {
    "a subclass": (
        "class Mine(torch.Tensor): pass\ndef answer(): return torch.ones(2).as_subclass(Mine)",
        "got Mine",
    ),
    "a name": (
        "Fake = type('Tensor', (), {'__module__': 'torch'})\ndef answer(): return Fake()",
        "got Tensor",
    ),
    "sparse": ("def answer(): return torch.ones(2).to_sparse()", "sparse_coo"),
    "no numbers": ("def answer(): return torch.ones(2, device='meta')", "got one on meta"),
    "quantized": (
        "def answer(): return torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.quint8)",
        "of dtype quint8",
    ),
    "eight bits": ("def answer(): return torch.ones(2).to(torch.float8_e5m2)", "float8_e5m2"),
    "numbers without end": ("def answer(): return torch.ones(1).expand(2**50)", "can be copied"),
    "in a list": ("def answer(): return [torch.ones(2).to_sparse()]", "sparse_coo"),
    "another tensor when it is asked": (
        "def answer():\n    x = torch.zeros(2)\n"
        "    for name in ('detach', 'clone', 'numpy', 'float'):\n"
        "        setattr(x, name, lambda *args, **named: torch.ones(2))\n    return x",
        "0 of 2 elements are right",
    ),
}


@pytest.mark.parametrize(("answer", "says"), STRANGE.values(), ids=STRANGE)
def test_a_strange_tensor_is_refused(warm, answer, says):
    space = {"__name__": "__main__"}
    exec(SETUP + answer, space)
    with pytest.raises(AssertionError) as caught:
        exec(PASSES, space)
    assert says in str(caught.value)
    score, message = elsewhere(warm, PASSES, answer)
    assert (score, says in message) == (0.0, True), message


OF_SQUARE = "x = torch.ones(2)\nchecks.gradient(answer, x).gives(2 * x)"
THE_ASKED = (
    "import gc\n"
    "def asked():\n"
    "    return [x for x in gc.get_objects() if type(x).__name__ == '_Asked'][0]\n"
)
HOSTILE = {
    "a gradient of another shape": (
        "torch.autograd.grad = lambda *args, **named: (2 * torch.ones(1, 2),)\n"
        "def answer(x): return x * x",
        OF_SQUARE,
        "expected shape (2,), got shape (1, 2)",
    ),
    "a gradient of another class": (
        "class Mine(torch.Tensor): pass\n"
        "torch.autograd.grad = lambda *args, **named: (torch.ones(2).as_subclass(Mine),)\n"
        "def answer(x): return x * x",
        OF_SQUARE,
        "got Mine",
    ),
    "a result that only seems to follow": (
        "def answer(x): return (x.detach() ** 2).requires_grad_()",
        OF_SQUARE,
        "autograd can follow",
    ),
    "a copy that lies": (
        "class Mine(torch.Tensor): pass\n"
        "torch.Tensor.clone = lambda self, **named: torch.ones(2).as_subclass(Mine)\n"
        "def answer(): return torch.zeros(2)",
        PASSES,
        "",
    ),
    "a function of the test's for ever": (
        "def answer(f):\n    while True: f(1.0)",
        "checks.call(answer, lambda x: x).gives(1.0)",
        "did not end within 2 s",
    ),
    "a flood of calls of the test's function for ever": (
        THE_ASKED + "from losscourse.grading import wire\n"
        "def answer(f):\n"
        "    one, call = asked(), {'function': 0, 'args': (1.0,), 'named': {}}\n"
        "    frame, sock = wire.encode({**call, 'number': one.number}), one._channel._socket\n"
        "    while True:\n"
        "        for talk in (lambda: sock.send(frame), lambda: sock.recv(2**20)):\n"
        "            try: talk()\n"
        "            except BlockingIOError: pass",
        "checks.call(answer, lambda x: x).gives(1.0)",
        "did not end within 2 s",
    ),
    "an argument that keeps a function of the test's for ever": (
        "def answer(f): return f(10**9)",
        "checks.call(answer, lambda n: n**n).gives(1)",
        "did not end within 2 s",
    ),
    "an error of the test's that is swallowed": (
        "answer = swallow",
        "def loss(x):\n    checks.require(x < 0, 'x: expected a negative number')\n"
        "checks.call(answer, loss, 1.0).gives(1.0)",
        "x: expected a negative number",
    ),
    "a function of the test's within itself": (
        "def answer(f, x):\n    return f(x)",
        "checks.call(answer, lambda x: answer(float, x), 1.0).gives(1.0)",
        "cannot call the student's code",
    ),
    "what is no plain data for a function of the test's": (
        "def answer(f):\n    return f(object())",
        "checks.call(answer, lambda x: 1.0).gives(1.0)",
        "expected plain data",
    ),
    "a function of the test's that was not given": (
        THE_ASKED + "def answer(f):\n    return asked()._call_back(7, 1.0)",
        "checks.call(answer, lambda x: 1.0).gives(1.0)",
        "in the place of the grader",
    ),
    "a function of the test's, where none was given": (
        THE_ASKED + "def answer():\n    return asked()._call_back(0, 1.0)",
        "checks.call(answer).gives(1.0)",
        "in the place of the grader",
    ),
    "a function of the test's, after the call": (
        THE_ASKED + "import threading\ndef later():\n"
        "    import time\n    time.sleep(0.3)\n    asked()._call_back(0, 1.0)\n"
        "threading.Thread(target=later).start()\n"
        "def answer(f=None):\n    import time\n    time.sleep(0.6)\n    return 1.0",
        "checks.call(answer).gives(1.0)",
        "in the place of the grader",
    ),
    "an object under another's handle": (
        THE_ASKED + "class Kept:\n"
        "    def __init__(self): self.count = 0\n"
        "    def add(self):\n"
        "        for key in asked()._objects: asked()._objects[key] = Kept()\n"
        "        return 1\n"
        "answer = Kept",
        "kept = checks.make(answer)\nkept.call('add').gives(1)\nassert kept.get('count') == 1",
        "AttributeError",
    ),
    "no object at all": (
        THE_ASKED + "class Kept:\n    def __init__(self): asked()._objects = None\nanswer = Kept",
        "checks.make(answer).call('add').gives(1)",
        "TypeError",
    ),
    "a result too large to cross": (
        "def answer(): return torch.zeros(2**24)",
        "checks.call(answer).gives(torch.ones(2))",
        "expected at most",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("attack", HOSTILE)
def test_hostile_answers_score_nothing_and_leave_the_parent_well(warm, attack):
    answer, test, says = HOSTILE[attack]
    seconds = 2.0 if attack.endswith("for ever") else 30.0
    score, message = elsewhere(warm, test, answer, cell_seconds=seconds)
    assert (score, says in message) == (0.0, True), message
    assert elsewhere(warm, RIGHT["a callback"]) == (1.0, "")


@pytest.mark.parametrize(
    "test",
    [
        "assert all(map(lambda x: answer(x) == 2 * x, [1.0, 2.0]))",
        "for got, right in zip(map(answer, [1.0]), [2.0]):\n    assert got == right",
    ],
)
def test_an_error_that_ends_a_loop_does_not_end_one_of_the_tests(warm, test):
    score, message = elsewhere(warm, test, "def answer(x): raise StopIteration")
    assert (score, "it raised StopIteration" in message) == (0.0, True), message
    direct = "checks.call(answer, 1.0).raises(StopIteration)"
    assert elsewhere(warm, direct, "def answer(x): raise StopIteration") == (1.0, "")


def test_a_class_is_no_function_of_the_tests(warm):
    score, message = elsewhere(warm, "checks.call(doubled, np.float32).gives(1.0)")
    assert (score, "got type" in message) == (0.0, True), message


@pytest.mark.slow
def test_a_class_that_does_not_end_has_less_time_the_second_time(warm):
    answer = "class C:\n    def __init__(self):\n        while True: pass"
    steps = [Step("setup", "setup", SETUP), Step("student", "C", answer)]
    steps += [Step("test", f"t{n}", "checks.make(C)", 1.0) for n in range(2)]
    verdicts = warm.grade(steps, ["C"], cell_seconds=3.0).verdicts[-2:]
    assert [v.score for v in verdicts] == [0.0, 0.0]
    assert ["within 3 s" in verdicts[0].message, "within 1 s" in verdicts[1].message] == [True] * 2
