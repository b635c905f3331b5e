"""losscourse: the loss functions of the course, and what its pages and problem sets stand on.

The floors, from the ground up; a module imports from lower floors only:

- 0: `arrays`, `stable`, `reduce`
- 1: `losses.<family>`
- 2: `catalogue`, `gradients`, `optimizers`
- 3: `figures`, `datasets`
- 4: `checks`
- 5: `cli`
"""

__version__ = "0.1.0"
