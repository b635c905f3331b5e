"""The grader: what an instructor runs, and what runs a student's code.

From a file to a score: `rebuild` puts the source's cells and the student's text together; `warm`
forks two processes for it; `judge` runs the tests in one, `student` the student's cells in the
other, which `sandbox` confines; `wire` carries plain data between them, and `scratch` holds the
folders that they work in. `coordinator` does so for a class, in parallel, with `files` in its
folders, `gradebook` and `states` in the database, `evening` on the screen; `cluster` lets it do so
on other machines, where `worker` stands for it. `intake`, `execute`, `late`, `feedback` and
`export` give nbgrader's own commands the same. `platforms` takes the grades to Canvas and Moodle,
`similarity` shows which solutions are alike, and `course` says where the course is.
"""
