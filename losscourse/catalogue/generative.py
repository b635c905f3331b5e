"""The entries of `losscourse.losses.generative`."""

from types import MappingProxyType

import sympy
from sympy import oo

from losscourse.arrays import NON_NEGATIVE, REALS
from losscourse.catalogue.entry import Loss, Parameter
from losscourse.losses import generative

__all__ = ["ENTRIES"]

_ONE = sympy.Integer(1)

ENTRIES = (
    Loss(
        title="Gaussian reconstruction loss",
        aliases=("reconstruction loss", "autoencoder loss", "Gaussian decoder"),
        use="Autoencoders of real-valued data, plain or variational.",
        function=generative.gaussian_reconstruction,
        gradient=generative.gaussian_reconstruction_grad,
        display=r"\tfrac{1}{2} \sum_d e_d^2,\quad e = \hat{x} - x",
        display_gradient=r"e",
        range=NON_NEGATIVE,
        gradient_range=(-oo, oo),
        elicits="mean",
        at_chance=None,
        convex=True,
        smoothness=oo,
        robust=False,
        unit="target²",
        torch='F.mse_loss(predictions, targets, reduction="none").sum(-1) / 2',
        references=("hinton2006reducing", "kingma2014vae"),
        page="generative/reconstruction",
    ),
    Loss(
        title="Bernoulli reconstruction loss",
        aliases=("binary reconstruction loss", "Bernoulli decoder"),
        use="Autoencoders of black and white images.",
        function=generative.bernoulli_reconstruction,
        gradient=generative.bernoulli_reconstruction_grad,
        display=r"-\sum_d \left(y_d \log \sigma(z_d) + (1 - y_d) \log \sigma(-z_d)\right)",
        display_gradient=r"\sigma(z) - y",
        range=NON_NEGATIVE,
        gradient_range=(-_ONE, _ONE),
        elicits="mean",
        at_chance=None,
        convex=True,
        smoothness=oo,
        robust=True,
        unit="nats",
        torch='F.binary_cross_entropy_with_logits(logits, targets, reduction="none").sum(-1)',
        references=("hinton2006reducing", "kingma2014vae"),
        page="generative/reconstruction",
    ),
    Loss(
        title="Gaussian divergence from the prior",
        aliases=("KL term of a variational autoencoder", "VAE regulariser"),
        use="Keeping the codes of a variational autoencoder near the prior they are drawn from.",
        function=generative.gaussian_kl,
        gradient=generative.gaussian_kl_grad,
        display=r"\tfrac{1}{2} \sum_d \left(\mu_d^2 + e^{v_d} - 1 - v_d\right)",
        display_gradient=r"\left(\mu, \; \tfrac{1}{2}(e^v - 1)\right)",
        range=NON_NEGATIVE,
        gradient_range=(-oo, oo),
        elicits=None,
        at_chance=None,
        convex=True,
        smoothness=oo,
        robust=False,
        unit="nats",
        torch=None,
        references=("kingma2014vae",),
        page="generative/reconstruction",
    ),
    Loss(
        title="Negative evidence lower bound",
        aliases=("ELBO", "VAE loss", "beta-VAE loss", "variational free energy"),
        use="Training a variational autoencoder.",
        function=generative.negative_elbo,
        gradient=generative.negative_elbo_grad,
        display=r"r + \tfrac{\beta}{2} \sum_d \left(\mu_d^2 + e^{v_d} - 1 - v_d\right)",
        display_gradient=r"\left(1, \; \beta \mu, \; \tfrac{\beta}{2}(e^v - 1)\right)",
        parameters=MappingProxyType(
            {
                "beta": Parameter(
                    symbol=sympy.Symbol("beta", nonnegative=True),
                    default=1.0,
                    domain=NON_NEGATIVE,
                    unit="none",
                    meaning="the weight of the divergence from the prior",
                    examples=(0.0, 1.0, 4.0),
                )
            }
        ),
        range=REALS,
        gradient_range=(-oo, oo),
        elicits=None,
        at_chance=None,
        convex=True,
        smoothness=oo,
        robust=False,
        unit="nats",
        torch=None,
        references=("kingma2014vae", "higgins2017beta"),
        page="generative/reconstruction",
    ),
)
