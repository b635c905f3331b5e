"""losscourse: the loss functions of the course, and what its pages and problem sets stand on.

The floors, from the ground up; a module imports from lower floors only:

- 0: `arrays`, `stable`, `reduce`
- 1: `losses.<family>`
- 2: `catalogue`, `gradients`, `optimizers`, `weighting`
- 3: `figures`, `datasets`, `intervals`, `meters`
- 4: `checks`, `grading`
- 5: `cli`, `doctor`
"""

__version__ = "0.1.0"
