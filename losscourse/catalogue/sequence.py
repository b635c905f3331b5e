"""The entries of `losscourse.losses.sequence`."""

from types import MappingProxyType

import sympy
from sympy import log, oo

from losscourse.arrays import NON_NEGATIVE, Interval
from losscourse.catalogue.entry import CLASSES, Loss, Parameter
from losscourse.losses import sequence

__all__ = ["ENTRIES"]

_BLANK = sympy.Symbol("b", integer=True, nonnegative=True)
_SMOOTHING = sympy.Symbol("epsilon", nonnegative=True)
_ONE = sympy.Integer(1)

ENTRIES = (
    Loss(
        title="Connectionist temporal classification",
        aliases=("CTC", "CTC loss"),
        use="Labels whose place in the input is not known, as in speech and handwriting.",
        function=sequence.ctc,
        gradient=sequence.ctc_grad,
        display=r"-\log \sum_{\pi \text{ shows } y} \prod_t p_{t,\pi_t}",
        display_gradient=r"-\gamma_{t,k},\quad \gamma_{t,k} = P(\pi_t = k \mid y)",
        parameters=MappingProxyType(
            {
                "blank": Parameter(
                    symbol=_BLANK,
                    default=0,
                    domain=NON_NEGATIVE,
                    unit="none",
                    meaning="the class that stands for no label",
                    examples=(0, 3),
                )
            }
        ),
        range=NON_NEGATIVE,
        gradient_range=(-_ONE, sympy.Integer(0)),
        elicits=None,
        at_chance=None,
        convex=False,
        smoothness=oo,
        robust=True,
        unit="nats",
        torch="F.ctc_loss(log_probs.transpose(0, 1), labels, input_lengths, label_lengths, "
        'blank=blank, reduction="none")',
        references=("graves2006ctc",),
        page="sequences/ctc",
    ),
    Loss(
        title="Token cross-entropy",
        aliases=("teacher forcing", "next-token loss", "language modelling loss"),
        use="The next token of a sequence, for a model that reads the true tokens before it.",
        function=sequence.token_cross_entropy,
        gradient=sequence.token_cross_entropy_grad,
        display=r"-\log p_{t,y_t},\quad p = \operatorname{softmax}(z)",
        display_gradient=r"\operatorname{softmax}(z) - 1_y",
        range=NON_NEGATIVE,
        gradient_range=(-_ONE, _ONE),
        elicits="class frequencies",
        at_chance=log(CLASSES),
        convex=True,
        smoothness=oo,
        robust=True,
        unit="nats",
        torch='F.cross_entropy(logits.transpose(1, 2), labels, reduction="none")',
        references=("williams1989learning", "sutskever2014seq2seq"),
        page="sequences/generation",
    ),
    Loss(
        title="Label-smoothed cross-entropy",
        aliases=("label smoothing",),
        use="Tokens or classes, with logits that stay finite and less sure probabilities.",
        function=sequence.label_smoothed_cross_entropy,
        gradient=sequence.label_smoothed_cross_entropy_grad,
        display=r"-(1 - \varepsilon) \log p_y - \frac{\varepsilon}{K} \sum_k \log p_k,"
        r"\quad p = \operatorname{softmax}(z)",
        display_gradient=r"p - (1 - \varepsilon)\,1_y - \varepsilon/K",
        parameters=MappingProxyType(
            {
                "smoothing": Parameter(
                    symbol=_SMOOTHING,
                    default=0.1,
                    domain=Interval(0, 1, low_closed=True),
                    unit="none",
                    meaning="the part of the label's probability spread over all classes",
                    examples=(0.0, 0.1),
                )
            }
        ),
        range=NON_NEGATIVE,
        gradient_range=(_SMOOTHING - _SMOOTHING / CLASSES - 1, 1 - _SMOOTHING / CLASSES),
        elicits=None,
        at_chance=log(CLASSES),
        convex=True,
        smoothness=oo,
        robust=True,
        unit="nats",
        torch='F.cross_entropy(logits, labels, label_smoothing=smoothing, reduction="none")',
        references=("muller2019smoothing", "vaswani2017attention"),
        page="sequences/generation",
    ),
)
