"""What `losscourse.checks` accepts, what it says, and that it is not fooled.

What changes NumPy, the builtins or the module itself runs in a fresh interpreter.
"""

import subprocess
import sys
import textwrap
import threading
import warnings
from types import FunctionType

import numpy as np
import pytest

from losscourse import checks
from losscourse.losses import regression

MODULES = ("builtins.", "math.", "numpy.", "sys.modules.numpy")
P, T = np.array([3.0, 5.0, 2.0, 9.0]), np.array([4.0, 3.0, 2.0, 3.0])


def squares(predictions, targets):
    return (predictions - targets) ** 2


def returns(value):
    return lambda: value


def message(function, *arguments, **named):
    """Return what `function` raises as CheckFailed."""
    with pytest.raises(checks.CheckFailed) as caught:
        function(*arguments, **named)
    return str(caught.value)


def fresh(code):
    """Run code in a fresh interpreter; return the last line that it printed."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()[-1]


# ---------------------------------------------------------------- right work passes


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (2.5, 2.5),
        (np.float64(2.5), 2.5),
        (np.float32(2.5), 2.5),
        (np.asarray(2.5), 2.5),
        (2, 2.0),
        (3, 3),
        (True, True),
        ("higher", "higher"),
        (None, None),
        ((100, 100), (100, 100)),
        ([1.0, [2.0]], [1.0, [2.0]]),
        ({"mse": (2.0, 0.5)}, {"mse": (2.0, 0.5)}),
        (np.array([1, 2]), np.array([1, 2])),
        (np.array([np.nan, np.inf, -np.inf]), np.array([np.nan, np.inf, -np.inf])),
        (np.array([True, False]), np.array([True, False])),
        (np.zeros((0, 3)), np.zeros((0, 3))),
        (np.float32(1.5), np.asarray(1.5, dtype=np.float32)),
        (np.array([1 + 1e-10]), np.array([1.0])),
        (np.array([1 + 1e-6], dtype=np.float32), np.array([1.0], dtype=np.float32)),
    ],
    ids=repr,
)
def test_equal_results_pass(value, expected):
    checks.call(returns(value)).gives(expected)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (2.5001, 2.5),
        (True, 1.0),
        (np.array([2.5]), 2.5),
        ("2.5", 2.5),
        (1, True),
        (3.0, 3),
        (np.nan, 2.5),
        (np.inf, 2.5),
        (2.5, np.nan),
        (2.5, np.inf),
        (-np.inf, np.inf),
        (None, 0.0),
        ([100, 100], (100, 100)),
        ((1, 2, 3), (1, 2)),
        ({"mse": 1.0}, {"mae": 1.0}),
        ({"mse": 1.0, "mae": 1.0}, {"mse": 1.0}),
        ([1.0, 2.0], np.array([1.0, 2.0])),
        (np.array([[1.0, 2.0]]), np.array([1.0, 2.0])),
        (np.array([1, 2]), np.array([1.0, 2.0])),
        (np.array([1.0, 2.0], dtype=np.float32), np.array([1.0, 2.0])),
        (np.array([1.0, np.nan]), np.array([1.0, 2.0])),
        (np.array([1.0, np.inf]), np.array([1.0, 2.0])),
        (np.array([1 + 1e-8]), np.array([1.0])),
        (np.array([1 + 1e-4], dtype=np.float32), np.array([1.0], dtype=np.float32)),
        (np.float16(1.51), 1.5),
        (np.int16(3), 3.02),
        (np.array([300], dtype=np.int16), np.array([301], dtype=np.int16)),
        (np.array([10**6], dtype=np.int32), np.array([10**6 + 1], dtype=np.int32)),
    ],
    ids=repr,
)
def test_other_results_fail(value, expected):
    message(checks.call(returns(value)).gives, expected)


def test_tolerances_are_the_testers():
    checks.call(returns(3.2)).gives(3.2015, rtol=1e-3)
    checks.call(returns(1e-7)).gives(0.0, atol=1e-6)
    message(checks.call(returns(6e-19)).gives, 5e-19, rtol=1e-12, atol=0.0)


def test_number_and_array_return_plain_results():
    assert checks.call(returns(np.float32(0.5))).number() == 0.5
    assert type(checks.call(returns(np.asarray(0.5))).number()) is float
    assert checks.call(squares, P, T).array((4,)).tolist() == [1, 4, 0, 36]
    message(checks.call(returns(np.nan)).number)
    message(checks.call(returns(np.zeros(1))).number)
    message(checks.call(returns(True)).number)
    message(checks.call(squares, P, T).array, (4, 1))
    message(checks.call(squares, P, T).array, (4,), np.float32)
    message(checks.call(returns(np.array([np.nan]))).array, (1,))


def test_require():
    checks.require(True, "never shown")
    checks.require(np.bool_(True), "never shown")
    assert message(checks.require, False, "too large: 3") == "too large: 3"
    with pytest.raises(TypeError, match="expected a bool, got ndarray"):
        checks.require(np.array([True]), "no verdict on arrays")


# ---------------------------------------------------------------- what a student reads


def test_the_worst_element_is_shown_with_its_inputs():
    def mean_of_squares(predictions, targets):
        return np.where(predictions > 4, 1.0, (predictions - targets) ** 2)

    text = message(
        checks.call(mean_of_squares, P, T).gives, np.array([1.0, 4.0, 0.0, 36.0]), why="Squares."
    )
    assert text.splitlines() == [
        "mean_of_squares(predictions=[3, 5, 2, 9], targets=[4, 3, 2, 3])",
        "wrong at index [3]; 2 of 4 elements are right",
        "  predictions[3]  9",
        "  targets[3]      3",
        "  expected        36",
        "  got             1",
        "Squares.",
    ]


def test_nan_is_the_worst_element():
    text = message(checks.call(returns(np.array([9.0, np.nan]))).gives, np.array([1.0, 2.0]))
    assert "wrong at index [1]" in text
    assert "got       nan" in text


def test_a_nested_result_is_named_by_its_place():
    text = message(checks.call(returns({"mse": (1.0, 2.0)})).gives, {"mse": (1.0, 3.0)})
    assert "wrong result at ['mse'][1]" in text


def test_long_inputs_are_named_by_their_shape():
    text = message(checks.call(squares, np.zeros(50), np.zeros(50)).gives, np.ones(50))
    assert "predictions=<float64 array of shape (50,)>" in text


def test_an_unwritten_answer_says_so():
    def stub(x):
        raise NotImplementedError

    for verdict in (
        lambda: checks.call(stub, 1.0).gives(1.0),
        lambda: checks.call(stub, 1.0).raises(ValueError),
        lambda: checks.call(stub, 1.0).raises(Exception),
        lambda: checks.call(stub, 1.0).keeps_inputs(),
        lambda: checks.call(stub, 1.0).number(),
    ):
        assert message(verdict) == "stub is not written yet: it raises NotImplementedError."


def test_an_error_is_told_with_its_line():
    def broken(x):
        y = x + 1
        return y @ np.zeros((9, 2))

    text = message(checks.call(broken, P).gives, 1.0)
    assert "it raised ValueError: matmul" in text
    assert "return y @ np.zeros((9, 2))" in text


def test_prints_are_kept_for_the_message(capsys):
    def chatty(x):
        print("x is", x)
        print("oh", file=sys.stderr)
        warnings.warn("careful", stacklevel=1)
        return np.log(0 * x)

    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        checks.call(chatty, np.ones(1)).gives(np.array([-np.inf]))
        text = message(checks.call(chatty, np.ones(1)).gives, np.array([0.0]))
    assert text.endswith("Your code printed: x is [1.]\noh\n")
    assert capsys.readouterr() == ("", "")
    assert not seen


def test_ipython_shows_the_message_alone():
    error = checks.CheckFailed("off by one")
    assert error._render_traceback_() == ["Check failed: off by one"]


# ---------------------------------------------------------------- exceptions


def test_raises():
    def refuse(error):
        raise error

    checks.call(refuse, ValueError("shapes")).raises(ValueError)
    checks.call(refuse, UnicodeError("a subclass")).raises(ValueError)
    assert "raised TypeError: no" in message(
        checks.call(refuse, TypeError("no")).raises, ValueError
    )
    assert "it returned [1, 4, 0, 36]" in message(checks.call(squares, P, T).raises, ValueError)


@pytest.mark.parametrize("error", [SystemExit, GeneratorExit, RecursionError, BaseException])
def test_every_exception_is_a_failure(error):
    def leave():
        raise error

    assert error.__name__ in message(checks.call(leave).gives, None)


def test_endless_recursion_is_a_failure():
    def again(x):
        return again(x)

    assert "RecursionError" in message(checks.call(again, 1.0).gives, 1.0)


def test_an_interrupt_stops_the_cell():
    def interrupted():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        checks.call(interrupted)


def test_an_error_with_a_hostile_text_is_a_failure():
    class HostileText(str):
        def __len__(self):
            raise SystemExit

    class HostileError(Exception):
        def __str__(self):
            return HostileText("hostile")

    class MuteError(Exception):
        def __str__(self):
            raise SystemExit

    def hostile(error):
        raise error

    assert "HostileError: hostile" in message(checks.call(hostile, HostileError()).gives, None)
    assert "text cannot be read" in message(checks.call(hostile, MuteError()).gives, None)


# ---------------------------------------------------------------- inputs


def test_inputs_are_copies():
    def spoil(predictions, targets, sizes):
        predictions -= targets
        sizes.append(1)
        return predictions**2

    sizes = [4]
    outcome = checks.call(spoil, P, T, sizes)
    outcome.gives(np.array([1.0, 4.0, 0.0, 36.0]))
    assert P.tolist() == [3, 5, 2, 9]
    assert sizes == [4]
    assert "argument predictions and sizes in place" in message(outcome.keeps_inputs)


def test_untouched_inputs_are_recognised():
    checks.call(squares, P, T).keeps_inputs()
    checks.call(lambda x: 0.0, np.array([np.nan])).keeps_inputs()
    checks.call(lambda x, y: 0.0, {"a": [P]}, y="text").keeps_inputs()


# ---------------------------------------------------------------- results that are not plain data


class Anything:
    shape, dtype, size, ndim = (4,), np.dtype(float), 4, 1

    def __eq__(self, other):
        return True

    def __float__(self):
        return 1.0

    def __array__(self, *arguments, **named):
        return np.ones(4)


class EqualArray(np.ndarray):
    def __eq__(self, other):
        return np.ones(self.shape, bool)


class EqualFloat(float):
    def __eq__(self, other):
        return True


class EqualString(str):
    __hash__ = str.__hash__

    def __eq__(self, other):
        return True


class EqualDict(dict):
    def keys(self):
        return {"mse"}


def endless_list():
    items = []
    items.append(items)
    return items


@pytest.mark.parametrize(
    "value",
    [
        Anything(),
        np.ones(4).view(EqualArray),
        EqualFloat(1.0),
        EqualString("higher"),
        EqualDict(),
        [Anything()],
        {"mse": Anything()},
        {EqualString("mse"): 1.0},
        np.array([Anything()], dtype=object),
        np.array(["a"]),
        np.ma.masked_array([1.0], mask=[True]),
        endless_list(),
        (x for x in [1.0]),
        len,
    ],
    ids=lambda value: type(value).__name__,
)
def test_only_plain_data_is_judged(value):
    for expected in (1.0, np.ones(4), "higher", {"mse": 1.0}, [1.0], None):
        assert "expected plain data" in message(checks.call(returns(value)).gives, expected)
    assert "expected plain data" in message(checks.call(returns(value)).number)


def test_what_is_no_function_is_refused():
    assert "expected a function, got float" in message(checks.call, 1.0)


# ---------------------------------------------------------------- finished losses


def through_package(predictions, targets):
    return regression.squared_error(predictions, targets)


def through_method(predictions, targets):
    return next(map(regression.squared_error, [predictions], [targets]))


def through_sklearn(predictions, targets):
    from sklearn.metrics import mean_squared_error

    return mean_squared_error(targets, predictions)


def through_scipy(predictions, targets):
    from scipy.special import huber

    return huber(1e9, predictions - targets) * 2


def through_torch(predictions, targets):
    import torch

    values = map(torch.from_numpy, (predictions, targets))
    return torch.nn.functional.mse_loss(*values, reduction="none").numpy()


def through_torch_module(predictions, targets):
    import torch

    loss = torch.nn.MSELoss(reduction="none")
    return loss(torch.from_numpy(predictions), torch.from_numpy(targets)).numpy()


def through_torch_core(predictions, targets):
    import torch

    values = map(torch.from_numpy, (predictions, targets))
    return torch._C._nn.mse_loss(*values, 0).numpy()


def past_an_except(predictions, targets):
    try:
        return regression.squared_error(predictions, targets)
    except BaseException:
        return (predictions - targets) ** 2


def without_the_hook(predictions, targets):
    hook = sys.getprofile()
    sys.setprofile(None)
    try:
        return regression.squared_error(predictions, targets)
    finally:
        sys.setprofile(hook)


def in_a_thread(predictions, targets):
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(regression.squared_error, predictions, targets).result()


@pytest.mark.parametrize(
    "function",
    [
        through_package,
        through_method,
        through_sklearn,
        through_scipy,
        through_torch,
        through_torch_module,
        through_torch_core,
        past_an_except,
        without_the_hook,
        in_a_thread,
        regression.squared_error,
    ],
    ids=lambda function: function.__name__,
)
def test_a_finished_loss_does_not_count(function):
    if "torch" in function.__name__:
        pytest.importorskip("torch", reason="torch is not installed")
    text = message(checks.call(function, P, T).gives, (P - T) ** 2)
    assert "write that yourself" in text or "cannot follow" in text
    assert sys.getprofile() is None


def test_work_in_threads_of_its_own_counts():
    def by_threads(predictions, targets):
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(2) as pool:
            return np.array(list(pool.map(lambda p, t: (p - t) ** 2, predictions, targets)))

    checks.call(by_threads, P, T).gives((P - T) ** 2)
    assert threading.getprofile() is None


def test_a_library_is_named_as_the_student_knows_it():
    from sklearn.metrics import mean_squared_error

    text = message(checks.call(lambda p, t: mean_squared_error(t, p), P, T).value)
    assert "it calls sklearn." in text


def test_a_finished_loss_is_stopped_before_it_runs():
    seen = []

    def try_it():
        try:
            regression.squared_error(P, T)
        except checks.CheckFailed:
            seen.append("stopped")

    message(checks.call(try_it).gives, None)
    assert seen == ["stopped"]


def test_another_profiler_hides_nothing():
    def profiled(predictions, targets):
        import cProfile

        with cProfile.Profile():
            return regression.squared_error(predictions, targets)

    text = message(checks.call(profiled, P, T).value)
    assert "profile hook" in text or "write that yourself" in text


def test_the_callers_profiler_is_put_back():
    def hook(frame, event, arg):
        pass

    sys.setprofile(hook)
    try:
        checks.call(squares, P, T).gives((P - T) ** 2)
        assert sys.getprofile() is hook
    finally:
        sys.setprofile(None)


def test_an_imported_compiled_loss_is_found():
    import scipy.special

    helper = scipy.special.huber

    def in_a_closure(predictions, targets):
        return helper(1.0, predictions - targets)

    assert "scipy.special.huber" in message(checks.call(in_a_closure, P, T).value)
    assert "scipy.special.huber" in message(checks.call(scipy.special.huber, P, T).value)


def test_an_imported_compiled_loss_is_found_in_a_method():
    import scipy.special

    helper = scipy.special.huber

    class Loss:
        def value(self, errors):
            return self.of(errors)

        def of(self, errors):
            return helper(1.0, errors)

    assert "scipy.special.huber" in message(checks.make, Loss)
    assert "scipy.special.huber" in message(checks.call(Loss().value, P).value)


def test_a_changed_module_name_hides_nothing():
    assert "squared_error" in fresh("""
        from losscourse import checks
        from losscourse.losses import regression
        import numpy as np
        vars(regression)["__name__"] = "mine"
        try:
            checks.call(regression.squared_error, np.ones(1), np.zeros(1)).gives(np.ones(1))
        except checks.CheckFailed as error:
            print(error)
        """)


def test_other_libraries_are_free():
    def fit(x, y):
        return np.polyfit(x, y, 1)

    checks.call(fit, np.array([0.0, 1.0, 2.0]), np.array([3.0, 5.0, 7.0])).gives(
        np.array([2.0, 3.0])
    )


def test_a_test_may_allow_a_module():
    def soft(x):
        from losscourse import stable

        return stable.softplus(x)

    checks.call(soft, np.zeros(1), allow=["losscourse.stable"]).gives(np.log(np.array([2.0])))
    message(checks.call(soft, np.zeros(1)).value)


def test_torch_itself_is_free():
    torch = pytest.importorskip("torch", reason="torch is not installed")

    def own(predictions, targets):
        tensors = map(torch.from_numpy, (predictions, targets))
        return torch.square(torch.sub(*tensors)).numpy()

    checks.call(own, P, T).gives((P - T) ** 2)


# ---------------------------------------------------------------- with and without the hook

HELD = [regression.squared_error]


class Holder:
    sum = staticmethod(regression.squared_error)


def by_default(p, t, loss=regression.squared_error):
    return loss(p, t)


def by_keyword(p, t, *, loss=regression.squared_error):
    return loss(p, t)


def from_a_list(p, t):
    return HELD[0](p, t)


def from_a_class(p, t):
    return Holder.sum(p, t)


def below_a_lambda(p, t):
    return (lambda: np.mine(p, t))()


def through_an_import(p, t):
    return __import__("losscourse.losses.regression").losses.regression.squared_error(p, t)


def through_text(p, t):
    return eval("regression.squared_error(p, t)", globals(), {"p": p, "t": t})


def through_a_name(p, t):
    return getattr(np, "mi" + "ne")(p, t)


def through_numpy(p, t):
    return np.mine(p, t)


def through_its_attribute(p, t):
    return through_its_attribute.sum(p, t)


def through_its_globals(p, t):
    return through_its_globals.__globals__["HELD"][0](p, t)


def through_a_frame(p, t):
    return (x for x in p).gi_frame.f_globals["HELD"][0](p, t)


def through_a_pattern(p, t):
    match squares:
        case object(__globals__=names):
            return names["HELD"][0](p, t)


def through_a_class_body(p, t):
    class Own:
        sum = regression.squared_error

    return Own.sum(p, t)


their_squares = FunctionType(squares.__code__, {"__name__": "sklearn.metrics"})


def by_library(p, t):
    return their_squares(p, t)


by_a_builtin = FunctionType(
    (lambda p, t: sum(p, t)).__code__, {"__builtins__": {"sum": regression.squared_error}}
)


WAYS = {
    "default": by_default,
    "keyword": by_keyword,
    "list": from_a_list,
    "class": from_a_class,
    "lambda": below_a_lambda,
    "import": through_an_import,
    "eval": through_text,
    "getattr": through_a_name,
    "numpy": through_numpy,
    "attribute": through_its_attribute,
    "globals": through_its_globals,
    "frame": through_a_frame,
    "pattern": through_a_pattern,
    "class body": through_a_class_body,
    "library": by_library,
    "builtin": by_a_builtin,
}
through_its_attribute.sum = regression.squared_error


@pytest.mark.parametrize("way", WAYS)
def test_no_way_to_a_finished_loss_goes_unwatched(way, monkeypatch):
    monkeypatch.setattr(np, "mine", regression.squared_error, raising=False)
    assert "write that yourself" in message(checks.call(WAYS[way], P, T).value)


def test_a_finished_loss_among_the_arguments_is_watched():
    def apply(functions, p, t):
        return functions["own"](p, t)

    loss = {"own": regression.squared_error}
    assert "write that yourself" in message(checks.call(apply, loss, P, T).value)


RATES = {"slow": 0.1, "fast": [0.5, 1.0]}


def fit(x, y, steps=20):
    """Take some steps in NumPy, with a helper, a lambda, constants and an error of Python's."""
    if len(x) != len(y):
        raise ValueError(f"{len(x)} and {len(y)}")
    params, grow = np.zeros(2), lambda e: np.clip(e, -1, 1)
    for _ in range(steps):
        pull = grow(line(params, x) - y)
        params = params - RATES["slow"] * np.array([(pull * x).mean(), np.mean(pull)])
    return params


def line(params, x):
    return params[0] * x + params[1]


def imports_numpy(x, y):
    import numpy

    return numpy.random.default_rng(0).normal(size=2) * (x + y).sum()


@pytest.mark.parametrize("function", [fit, imports_numpy])
def test_plain_numpy_runs_without_a_hook(function):
    seen = []
    sys.setprofile(lambda frame, event, arg: seen.append(frame.f_code))
    try:
        checks.call(function, P, T).value()
    finally:
        sys.setprofile(None)
    assert function.__code__ in seen  # the caller's hook was left where it is


# ---------------------------------------------------------------- the seal


@pytest.mark.parametrize(
    "change",
    [
        "checks.call = print",
        "checks.compare.difference = print",
        "del checks.call",
        "import losscourse; losscourse.checks = None",
        "import importlib; importlib.reload(checks)",
    ],
)
def test_the_module_is_sealed(change):
    assert fresh(f"""
        from losscourse import checks
        try:
            {change}
        except (AttributeError, ImportError) as error:
            print("sealed:", error)
        """).startswith("sealed: losscourse.checks")


@pytest.mark.parametrize(
    "change",
    [
        "vars(checks)['call'] = lambda *a, **n: print('taken in')",
        "vars(checks.outcome)['difference'] = lambda *a: None",
        "vars(checks.compare)['np'] = None",
        "checks.Outcome.gives = lambda *a, **n: None",
        "checks.Outcome.value = lambda *a, **n: 1.0",
        "checks.call.__code__ = (lambda *a, **n: None).__code__",
        "checks.Outcome.gives.__code__ = (lambda *a, **n: None).__code__",
        "checks.compare.Tolerance.allowed = lambda *a: 1e9",
        "np.allclose = lambda *a, **n: True",
        "np.abs = lambda x: 0 * x",
        "np.random.default_rng = lambda seed: None",
        "np.linalg.lstsq = None",
        "sys.modules['numpy'] = sys",
        "builtins.abs = lambda x: 0",
        "builtins.isinstance = lambda *a: True",
        "builtins.len = lambda x: 0",
        "math.sqrt = lambda x: 0",
    ],
)
def test_a_replaced_function_fails_every_check(change):
    assert fresh(f"""
        import builtins, math, sys
        import numpy as np
        from losscourse import checks
        failed, say = checks.CheckFailed, print
        {change}
        try:
            checks.call(lambda: 1.0).gives(2.0)
            say("taken in")
        except failed as error:
            say("met:", error)
        """).startswith(("met: losscourse.checks was changed", *(f"met: {m}" for m in MODULES)))


@pytest.mark.parametrize("module", ["checks", "checks.seal"])
def test_running_the_module_again_takes_no_new_originals(module):
    assert "numpy.isclose was replaced" in fresh(f"""
        import numpy as np
        from losscourse import checks

        np.isclose = lambda *a: True
        try:
            {module}.__spec__.loader.exec_module({module})
        except ImportError:
            pass
        try:
            checks.call(lambda: 1.0).gives(1.0)
        except checks.CheckFailed as error:
            print(error)
        """)


def test_a_replacement_during_the_call_fails():
    assert "numpy.isclose was replaced" in fresh("""
        import numpy as np
        from losscourse import checks

        def patch():
            np.isclose = lambda *a: True
            return 1.0

        try:
            checks.call(patch).gives(1.0)
        except checks.CheckFailed as error:
            print(error)
        """)


def test_import_needs_numpy_alone():
    heavy = fresh("""
        import sys
        from losscourse import checks
        print(sorted({"torch", "scipy", "sklearn", "matplotlib", "nbgrader"} & set(sys.modules)))
        """)
    assert heavy == "[]"


@pytest.mark.parametrize("kind", [OSError, FileNotFoundError, UnicodeDecodeError, ValueError])
def test_an_error_of_another_process_keeps_its_class(kind):
    parts = checks.call(returns(1.0)).parts()
    names = [step.__name__ for step in kind.__mro__]
    there = checks.Elsewhere("f", lambda *request: parts | {"error": names})
    checks.call(there).raises(kind)
    with pytest.raises(checks.CheckFailed):
        checks.call(there).raises(KeyError)


def test_a_call_by_a_test_itself_raises_what_the_student_raised():
    def strict(x):
        if x < 0:
            raise ValueError("x must not be negative")
        raise NotImplementedError

    there = checks.Elsewhere("strict", lambda name, args, *rest: checks.call(strict, *args).parts())
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the text is the cause's
        there(-1.0)
    assert "x must not be negative" in str(caught.value.__cause__)
    with pytest.raises(checks.CheckFailed, match="not written yet"):
        there(1.0)
