"""The course as nbgrader sees it: `nbgrader` commands are run in this folder."""

c = get_config()  # noqa: F821 - nbgrader defines it

c.CourseDirectory.course_id = "losscourse"

c.ClearSolutions.code_stub = {"python": "# Your code here.\nraise NotImplementedError"}
c.ClearSolutions.text_stub = "*Your answer here.*"

# Seconds for one cell. The slowest honest cell takes two; an endless loop costs this much.
c.Execute.timeout = 30
