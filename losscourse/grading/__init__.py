"""What the course adds to nbgrader, named in `exercises/nbgrader_config.py`.

nbgrader itself comes with the extra `teach`; nothing outside this folder imports it.
"""
